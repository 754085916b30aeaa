#!/usr/bin/env bash
# Installs the servers and clients that the tests use; leaves alone what is there already.
#   install.sh            both of the following, side by side
#   install.sh packages   Debian packages; no service of theirs is started
#   install.sh go-tools   the programs of go-tools.txt, built into var/bin (needs Go 1.24 or newer)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bin=$root/var/bin

packages=(
  docker.io podman skopeo buildah crun netavark fuse-overlayfs
  docker-registry
  postgresql postgresql-contrib mariadb-server
  shellcheck
)

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

case "${1:-all}" in
  packages) install_packages ;;
  go-tools) install_go_tools ;;
  all)
    install_go_tools &
    install_packages
    wait $!
    ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
