#!/usr/bin/env bash
# A Docker engine of our own, without systemd, iptables and bridge: it builds, pushes, pulls and
# searches, but runs no containers on a network. It speaks plain http to 127.0.0.0/8. Needs root.
#   dockerd.sh up | env | down
source "$(dirname "$0")/common.sh"
stack dockerd engine

start_engine() {
  # shellcheck disable=SC2086 # Empty for root.
  launch engine $sudo dockerd --data-root "$state/data" --exec-root "$state/exec" --pidfile "$state/docker.pid" \
    --host "unix://$state/docker.sock" --group "$(id -gn)" \
    --iptables=false --ip6tables=false --bridge=none --insecure-registry 127.0.0.0/8
}

answers_engine() { docker -H "unix://$state/docker.sock" version --format '{{.Server.Version}}'; }

environment() { echo "DOCKER_HOST=unix://$state/docker.sock"; }

main "$@"
