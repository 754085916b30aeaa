#!/usr/bin/env bash
# A throw-away PostgreSQL cluster on a port of its own: not durable, no passwords, pg_trgm at hand.
#   postgres.sh up | env | down
source "$(dirname "$0")/common.sh"
stack postgres
PATH=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH

# PostgreSQL refuses to run as root.
as_owner() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

runs() { [ -s "$state/port" ] && pg_isready -q -h 127.0.0.1 -p "$(cat "$state/port")"; }

start() {
  mkdir -p "$state/data"
  if [ "$(id -u)" = 0 ]; then chown postgres "$state" "$state/data"; fi
  cd "$state" || return
  [ -s data/PG_VERSION ] ||
    as_owner initdb -D "$state/data" -U registry -A trust -E UTF8 --locale=C.UTF-8 --no-sync >>"$state/log"
  free_port >"$state/port"
  as_owner pg_ctl -D "$state/data" -l "$state/data/log" -w start -o "-p $(cat "$state/port") \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories=$state -c external_pid_file=$state/pid \
    -c fsync=off -c max_connections=300" >>"$state/log"
  psql -q -h 127.0.0.1 -p "$(cat "$state/port")" -U registry -d postgres -tc \
    "SELECT 1 FROM pg_database WHERE datname = 'registry'" | grep -q 1 ||
    createdb -h 127.0.0.1 -p "$(cat "$state/port")" -U registry registry
}

environment() { echo "SQLALCHEMY_INDEX_DATABASE=postgresql+psycopg://registry@127.0.0.1:$(cat "$state/port")/registry"; }

main "$@"
