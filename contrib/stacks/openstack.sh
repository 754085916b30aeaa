#!/usr/bin/env bash
# Keystone, Swift and Glance on one machine, with the MariaDB and memcached they need.
#   openstack.sh up | env | down | start PROCESS | stop PROCESS | kill PROCESS
#   (database, memcached, keystone, swift-account, swift-container, swift-object, swift-proxy, glance)
# GLANCE_STORE=swift at the first start: Glance keeps images in Swift, not in files.
source "$(dirname "$0")/common.sh"
stack openstack database memcached keystone swift-account swift-container swift-object swift-proxy glance
ports MEMCACHED KEYSTONE SWIFT_ACCOUNT SWIFT_CONTAINER SWIFT_OBJECT SWIFT_PROXY GLANCE
PATH=$programs/bin:$PATH
AUTH_URL=http://127.0.0.1:$KEYSTONE_PORT/v3
SWIFT_URL=http://127.0.0.1:$SWIFT_PROXY_PORT
GLANCE_URL=http://127.0.0.1:$GLANCE_PORT
GLANCE_STORE=${GLANCE_STORE:-file}
DATABASES=mysql+pymysql://registry@localhost
ADMIN_PASSWORD=admin-secret
SERVICE_PASSWORD=service-secret
OS_USERNAME=registry
OS_PASSWORD=registry-secret
TEMPURL_KEY=tempurl-secret
USER=$(id -un)
PYTHONWARNINGS=ignore
OS_KEYSTONE_CONFIG_FILES=$state/keystone.conf
OS_GLANCE_CONFIG_DIR=$state/glance
export AUTH_URL SWIFT_URL GLANCE_URL GLANCE_STORE DATABASES ADMIN_PASSWORD SERVICE_PASSWORD \
  OS_USERNAME OS_PASSWORD TEMPURL_KEY USER PYTHONWARNINGS OS_KEYSTONE_CONFIG_FILES \
  OS_GLANCE_CONFIG_DIR

prepare() {
  mkdir -p "$state"/{swift,devices/d1,glance,images/file}
  make_keys "$state/fernet-keys"
  make_keys "$state/credential-keys"
  render "$here/openstack/keystone.conf" "$OS_KEYSTONE_CONFIG_FILES"
  render "$here/openstack/glance-api.conf" "$OS_GLANCE_CONFIG_DIR/glance-api.conf"
  render "$here/openstack/proxy-server.conf" "$state/swift/proxy-server.conf"
  cp "$here/openstack/swift.conf" "$state/swift"
}

# What `keystone-manage fernet_setup` makes in a few seconds.
make_keys() {
  local key
  install -d -m 700 "$1"
  for key in 0 1; do head -c 32 /dev/urandom | base64 | tr +/ -_ >"$1/$key"; done
}

# Its own, so that whoever breaks this stack breaks no other.
database() { REGISTRY_STACKS_DIR=$state "$here/mariadb.sh" "$1"; }

start_database() {
  database up >/dev/null
  ln -sf mariadb/server.pid "$state/database.pid"
  ln -sf mariadb/server.log "$state/database.log"
}

answers_database() { database env; }

start_memcached() { launch memcached memcached -l 127.0.0.1 -p "$MEMCACHED_PORT" -U 0 -u "$USER"; }

answers_memcached() { (exec 3<>"/dev/tcp/127.0.0.1/$MEMCACHED_PORT"); }

start_keystone() {
  await database
  once keystone-made make_keystone
  serve keystone "$KEYSTONE_PORT" 2
}

make_keystone() {
  create_database keystone
  keystone-manage --config-file "$OS_KEYSTONE_CONFIG_FILES" db_sync
  keystone-manage --config-file "$OS_KEYSTONE_CONFIG_FILES" bootstrap \
    --bootstrap-password "$ADMIN_PASSWORD" --bootstrap-region-id RegionOne \
    --bootstrap-admin-url "$AUTH_URL" --bootstrap-internal-url "$AUTH_URL" \
    --bootstrap-public-url "$AUTH_URL"
} >>"$state/keystone.log" 2>&1

create_database() {
  mariadb --no-defaults -S "$state/mariadb/socket" -u registry -e "CREATE DATABASE IF NOT EXISTS $1 CHARACTER SET utf8mb4"
}

serve() { # SERVICE PORT WORKERS
  SERVICE=$1 PORT=$2 WORKERS=$3 GUNICORN_CMD_ARGS="-c $here/openstack/gunicorn.conf.py" launch "$1" gunicorn
}

answers_keystone() { curl -sf -m 10 -o /dev/null "$AUTH_URL"; }

start_swift-account() { start_storage account "$SWIFT_ACCOUNT_PORT"; }
start_swift-container() { start_storage container "$SWIFT_CONTAINER_PORT"; }
start_swift-object() { start_storage object "$SWIFT_OBJECT_PORT"; }

start_storage() {
  export SERVER=$1 PORT=$2
  once "swift-$1-made" make_storage
  launch "swift-$1" "swift-$1-server" "$state/swift/$1-server.conf" -v
}

# A ring of 64 partitions, one copy of each, all on one device.
make_storage() {
  render "$here/openstack/storage-server.conf" "$state/swift/$SERVER-server.conf"
  cd "$state/swift"
  rm -f "$SERVER.builder"
  swift-ring-builder "$SERVER.builder" create 6 1 1
  swift-ring-builder "$SERVER.builder" add "r1z1-127.0.0.1:$PORT/d1" 1
  swift-ring-builder "$SERVER.builder" rebalance
} >>"$state/swift-$SERVER.log" 2>&1

healthy() { curl -sf -m 10 -o /dev/null "http://127.0.0.1:$1/healthcheck"; }
answers_swift-account() { healthy "$SWIFT_ACCOUNT_PORT"; }
answers_swift-container() { healthy "$SWIFT_CONTAINER_PORT"; }
answers_swift-object() { healthy "$SWIFT_OBJECT_PORT"; }

start_swift-proxy() {
  local server
  for server in account container object; do await "swift-$server"; done
  launch swift-proxy swift-proxy-server "$state/swift/proxy-server.conf" -v
}

answers_swift-proxy() { healthy "$SWIFT_PROXY_PORT"; }

start_glance() {
  await database
  once glance-made make_glance
  serve glance "$GLANCE_PORT" 1
}

make_glance() {
  create_database glance
  glance-manage --config-dir "$OS_GLANCE_CONFIG_DIR" db_sync
} >>"$state/glance.log" 2>&1

answers_glance() { curl -s -m 10 -o /dev/null "$GLANCE_URL/"; }

seed() { python "$here/openstack/seed.py" >"$state/project-id"; }

environment() {
  cat <<-END
	OS_IDENTITY_API_VERSION=3
	OS_AUTH_URL=$AUTH_URL
	OS_USERNAME=$OS_USERNAME
	OS_PASSWORD=$OS_PASSWORD
	OS_PROJECT_NAME=registry
	OS_PROJECT_ID=$(<"$state/project-id")
	OS_USER_DOMAIN_NAME=Default
	OS_PROJECT_DOMAIN_NAME=Default
	OS_REGION_NAME=RegionOne
	OS_INTERFACE=public
	OS_ADMIN_USERNAME=admin
	OS_ADMIN_PASSWORD=$ADMIN_PASSWORD
	OS_ADMIN_PROJECT_NAME=admin
	OS_SWIFT_URL=$SWIFT_URL
	OS_SWIFT_ACCOUNT_URL=$SWIFT_URL/v1/AUTH_$(<"$state/project-id")
	OS_SWIFT_TEMPURL_KEY=$TEMPURL_KEY
	OS_GLANCE_URL=$GLANCE_URL
	OS_SWIFT_V1_AUTH_URL=$SWIFT_URL/auth/v1.0
	OS_SWIFT_V1_USER=test:tester
	OS_SWIFT_V1_KEY=testing
	END
}

main "$@"
