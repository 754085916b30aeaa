#!/usr/bin/env bash
# A throw-away MariaDB server on a port of its own: not durable, no password.
#   mariadb.sh up | env | down
source "$(dirname "$0")/common.sh"
stack mariadb

runs() { [ -S "$state/socket" ] && mariadb-admin --no-defaults -S "$state/socket" -u registry ping >/dev/null 2>&1; }

start() {
  mkdir -p "$state"
  [ -d "$state/data/mysql" ] ||
    mariadb-install-db --no-defaults --datadir="$state/data" --user="$(id -un)" --skip-test-db >>"$state/log" 2>&1
  cat >"$state/init.sql" <<-SQL
	CREATE DATABASE IF NOT EXISTS registry CHARACTER SET utf8mb4;
	CREATE USER IF NOT EXISTS registry@localhost;
	CREATE USER IF NOT EXISTS registry@'127.0.0.1';
	GRANT ALL ON *.* TO registry@localhost;
	GRANT ALL ON *.* TO registry@'127.0.0.1';
	SQL
  free_port >"$state/port"
  setsid mariadbd --no-defaults --user="$(id -un)" --datadir="$state/data" --socket="$state/socket" \
    --pid-file="$state/pid" --bind-address=127.0.0.1 --port="$(cat "$state/port")" \
    --init-file="$state/init.sql" --skip-name-resolve --innodb-flush-log-at-trx-commit=0 \
    >>"$state/log" 2>&1 </dev/null &
}

environment() { echo "SQLALCHEMY_INDEX_DATABASE=mysql+pymysql://registry@127.0.0.1:$(cat "$state/port")/registry?charset=utf8mb4"; }

main "$@"
