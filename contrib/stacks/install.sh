#!/usr/bin/env bash
# Installs the servers and clients that the tests use; leaves alone what is there already.
#   install.sh            all of the following, side by side
#   install.sh packages   Debian packages; no service of theirs is started
#   install.sh go-tools   the programs of go-tools.txt, built into var/bin (needs Go 1.24 or newer)
#   install.sh python     the servers of */requirements.txt, each in a virtual environment in var/stacks
#   install.sh node       the servers of */package.json, in var/stacks (needs npm)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=$root/var/bin

packages=(
  docker.io podman skopeo buildah crun netavark fuse-overlayfs
  docker-registry
  postgresql postgresql-contrib mariadb-server
  ceph-common ceph-mon ceph-osd radosgw
  memcached nginx-light redis-server apache2-utils
  curl openssl python3-venv shellcheck
)
command -v npm >/dev/null || packages+=(npm)

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  # Package scripts ask policy-rc.d before they start a service; 101 means "not allowed".
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin /usr/sbin/policy-rc.d
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
}

# True if the program was built from exactly this package and version.
is_built() {
  [ -x "$1" ] && go version -m "$1" | awk -v package="$2" -v version="$3" '
    $1 == "path" { path = $2 } $1 == "mod" { built = $3 }
    END { exit !(path == package && built == version) }'
}

install_go_tools() {
  PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null || { echo "install.sh: go-tools needs Go 1.24 or newer (https://go.dev/dl/)" >&2; return 1; }
  mkdir -p "$bin"
  local name package version
  while read -r name package version; do
    [[ $name == \#* || -z $name ]] && continue
    is_built "$bin/$name" "$package" "$version" && continue
    GOBIN=$bin go install -trimpath -ldflags="-s -w" "$package@$version" </dev/null
  done <"$here/go-tools.txt"
}

# Prints "SOURCE TARGET" for each directory here with a file of this name: the directory, and that in
# var/stacks for its servers, unless they were installed from the same lists of versions.
to_install() {
  local file source target
  for file in "$here"/*/"$1"; do
    source=$(dirname "$file")
    target=$root/var/stacks/$(basename "$source")
    [ "$(versions "$source")" = "$(cat "$target/installed" 2>/dev/null)" ] || echo "$source" "$target"
  done
}

versions() { (cd "$1" && find . -name '*.txt' -o -name '*.json' | sort | xargs cksum); }

install_python() {
  local source target
  while read -r source target; do
    rm -rf "$target"
    python3 -m venv "$target"
    "$target/bin/pip" install --quiet --disable-pip-version-check -r "$source/requirements.txt" </dev/null
    versions "$source" >"$target/installed"
  done < <(to_install requirements.txt)
}

install_node() {
  local source target
  while read -r source target; do
    command -v npm >/dev/null || { echo "install.sh: node needs npm (https://nodejs.org/)" >&2; return 1; }
    rm -rf "$target"
    mkdir -p "$target"
    cp "$source/package.json" "$target"
    npm install --prefix "$target" --silent --no-audit --no-fund --no-package-lock </dev/null
    versions "$source" >"$target/installed"
  done < <(to_install package.json)
}

case "${1:-all}" in
  packages) install_packages ;;
  go-tools) install_go_tools ;;
  python) install_python ;;
  node) install_node ;;
  all)
    install_go_tools & jobs=($!)
    install_python & jobs+=($!)
    install_packages
    install_node
    for job in "${jobs[@]}"; do wait "$job"; done
    ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
