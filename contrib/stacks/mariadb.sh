#!/usr/bin/env bash
# A throw-away MariaDB server on a port of its own: not durable, no password.
#   mariadb.sh up | env | down
source "$(dirname "$0")/common.sh"
stack mariadb server
ports MARIADB

prepare() {
  mariadb-install-db --no-defaults --datadir="$state/data" --user="$(id -un)" --skip-test-db >>"$state/server.log" 2>&1
  cat >"$state/init.sql" <<-SQL
	CREATE DATABASE IF NOT EXISTS registry CHARACTER SET utf8mb4;
	CREATE USER IF NOT EXISTS registry@localhost;
	CREATE USER IF NOT EXISTS registry@'127.0.0.1';
	GRANT ALL ON *.* TO registry@localhost;
	GRANT ALL ON *.* TO registry@'127.0.0.1';
	SQL
}

start_server() {
  launch server mariadbd --no-defaults --user="$(id -un)" --datadir="$state/data" --socket="$state/socket" \
    --pid-file="$state/mariadbd.pid" --bind-address=127.0.0.1 --port="$MARIADB_PORT" \
    --init-file="$state/init.sql" --skip-name-resolve --innodb-flush-log-at-trx-commit=0
}

answers_server() { mariadb-admin --no-defaults -S "$state/socket" -u registry ping; }

environment() { echo "SQLALCHEMY_INDEX_DATABASE=mysql+pymysql://registry@127.0.0.1:$MARIADB_PORT/registry?charset=utf8mb4"; }

main "$@"
