#!/usr/bin/env bash
# A Docker engine of our own, without systemd, iptables and bridge: it builds, pushes, pulls and
# searches, but runs no containers on a network. It speaks plain http to 127.0.0.0/8. Needs root.
#   dockerd.sh up | env | down
source "$(dirname "$0")/common.sh"
stack dockerd

runs() { docker -H "unix://$state/docker.sock" version --format '{{.Server.Version}}' >/dev/null 2>&1; }

start() {
  mkdir -p "$state"
  $sudo setsid dockerd --data-root "$state/data" --exec-root "$state/exec" --pidfile "$state/pid" \
    --host "unix://$state/docker.sock" --group "$(id -gn)" \
    --iptables=false --ip6tables=false --bridge=none --insecure-registry 127.0.0.0/8 \
    >>"$state/log" 2>&1 </dev/null &
}

environment() { echo "DOCKER_HOST=unix://$state/docker.sock"; }

main "$@"
