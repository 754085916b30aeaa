# shellcheck shell=bash
# What the scripts of this directory share; sourced by each. A script says `stack NAME` and defines
#   runs         true if the server answers
#   start        starts it in the background
#   environment  prints NAME=value lines for those who want to use it
# A server's files lie in $state, outside the checkout: accounts such as postgres can't enter every
# home directory, and the path of a socket is at most 107 bytes long.
set -euo pipefail

stack() {
  local checkout
  checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  state=${REGISTRY_STACKS_DIR:-/tmp/docker-registry-$(id -u)-$(cksum <<<"$checkout" | cut -d' ' -f1)}/$1
}

# Prints a port that no one listens on.
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

main() {
  case "${1:-}" in
    up)
      if ! runs; then
        start
        for _ in $(seq 240); do runs && break; sleep 0.25; done
        runs || { tail -n 20 "$state/log" >&2; return 1; }
      fi
      environment
      ;;
    env)
      runs || return 1
      environment
      ;;
    down)
      [ -s "$state/pid" ] || return 0
      local pid
      pid=$(head -n 1 "$state/pid")
      kill "$pid" 2>/dev/null || $sudo kill "$pid" 2>/dev/null || return 0
      for _ in $(seq 120); do [ -e "/proc/$pid" ] || return 0; sleep 0.25; done
      echo "$0: process $pid does not end" >&2
      return 1
      ;;
    *)
      echo "usage: $0 up | env | down" >&2
      return 2
      ;;
  esac
}

sudo=
[ "$(id -u)" = 0 ] || sudo="sudo -n"
