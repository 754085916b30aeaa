#!/usr/bin/env bash
# A throw-away PostgreSQL cluster on a port of its own: not durable, no passwords, pg_trgm at hand.
#   postgres.sh up | env | down
source "$(dirname "$0")/common.sh"
stack postgres server
ports POSTGRES
PATH=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1):$PATH

# PostgreSQL refuses to run as root.
as_owner=()
[ "$(id -u)" != 0 ] || as_owner=(setpriv --reuid=postgres --regid=postgres --init-groups)
client=(-h 127.0.0.1 -p "$POSTGRES_PORT" -U registry)

prepare() {
  mkdir -p "$state/data"
  if [ "$(id -u)" = 0 ]; then chown postgres "$state" "$state/data"; fi
  cd "$state"
  "${as_owner[@]}" initdb -D "$state/data" -U registry -A trust -E UTF8 --locale=C.UTF-8 --no-sync >>"$state/server.log"
}

start_server() {
  cd "$state"
  launch server "${as_owner[@]}" postgres -D "$state/data" -p "$POSTGRES_PORT" -c listen_addresses=127.0.0.1 \
    -c "unix_socket_directories=$state" -c fsync=off -c max_connections=300
}

answers_server() { pg_isready -q "${client[@]}"; }

seed() { createdb "${client[@]}" registry; }

environment() { echo "SQLALCHEMY_INDEX_DATABASE=postgresql+psycopg://registry@127.0.0.1:$POSTGRES_PORT/registry"; }

main "$@"
