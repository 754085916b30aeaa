#!/usr/bin/env bash
# A Ceph cluster on one machine with its object gateway, which speaks S3 and Swift, http and https.
#   ceph.sh up | env | down | start PROCESS | stop PROCESS | kill PROCESS   (mon, osd, rgw)
# Without its OSD the gateway answers no more; it doesn't fail.
source "$(dirname "$0")/common.sh"
stack ceph mon osd rgw
ports MON MON_V1 RGW RGW_TLS
export CEPH_CONF=$state/ceph.conf DOMAIN=localhost
endpoint=http://127.0.0.1:$RGW_PORT
bucket=registry
access_key=CEPHACCESSKEY0000001
secret_key=cephsecretkey000000000000000000000000001
swift_user=registry:swift
swift_key=cephswiftkey01
temp_url_key=cephtempurlkey01

prepare() {
  FSID=$(cat /proc/sys/kernel/random/uuid)
  export FSID
  render "$here/ceph/ceph.conf" "$CEPH_CONF"
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$state/tls.key" -out "$state/tls.pem" 2>/dev/null
  rm -rf "$state/mon" "$state/osd"
  mkdir "$state/mon" "$state/osd"
  monmaptool --create --clobber --fsid "$FSID" \
    --addv a "[v2:127.0.0.1:$MON_PORT,v1:127.0.0.1:$MON_V1_PORT]" "$state/monmap" >/dev/null
  ceph-mon --mkfs -i a --monmap "$state/monmap" 2>>"$state/mon.log"
}

start_mon() { launch mon ceph-mon -f -i a; }
answers_mon() { timeout 5 ceph --admin-daemon "$state/mon.asok" mon_status | grep -q '"state": "leader"'; }

start_osd() {
  await mon
  once osd-made make_osd
  launch osd ceph-osd -f -i 0
}

make_osd() {
  local uuid
  uuid=$(cat /proc/sys/kernel/random/uuid)
  ceph osd new "$uuid" >/dev/null
  ceph-osd --mkfs -i 0 --osd-uuid "$uuid" 2>>"$state/osd.log"
}

# The OSD itself is asked: after a crash the monitor counts it as up for a while.
answers_osd() { timeout 5 ceph --admin-daemon "$state/osd.asok" status | grep -q '"state": "active"'; }

start_rgw() {
  await osd
  once pools-made make_pools
  once users-made make_users
  launch rgw radosgw -f -n client.rgw.a
}

# The gateway would make them one by one, when they are first used, with too many placement groups.
make_pools() {
  local pool
  for pool in .rgw.root default.rgw.{log,control,meta,buckets.index,buckets.non-ec,buckets.data}; do
    { ceph osd pool create "$pool" 8 && ceph osd pool application enable "$pool" rgw; } >>"$state/pools.log" 2>&1 &
  done
  wait
}

# radosgw-admin writes to the cluster; the gateway need not run.
make_users() {
  radosgw-admin user create --uid="${swift_user%:*}" --display-name=registry --max-buckets=0 \
    --access-key="$access_key" --secret-key="$secret_key"
  radosgw-admin subuser create --uid="${swift_user%:*}" --subuser="$swift_user" --access=full \
    --key-type=swift --secret="$swift_key"
} >>"$state/users.log" 2>&1

answers_rgw() { curl -sf -m 5 -o /dev/null "$endpoint/swift/healthcheck"; }

# A container of Swift is a bucket of S3.
seed() {
  local login token
  login=$(curl -sSf -D - -H "X-Auth-User: $swift_user" -H "X-Auth-Key: $swift_key" "$endpoint/auth/v1.0" | tr -d '\r')
  token=$(sed -n 's/^X-Auth-Token: //ip' <<<"$login")
  sed -n 's/^X-Storage-Url: //ip' <<<"$login" >"$state/storage-url"
  curl -sSf -X POST -H "X-Auth-Token: $token" -H "X-Account-Meta-Temp-URL-Key: $temp_url_key" "$(<"$state/storage-url")"
  curl -sSf -X PUT -H "X-Auth-Token: $token" "$(<"$state/storage-url")/$bucket"
}

environment() {
  cat <<-END
	CEPH_S3_ENDPOINT=$endpoint
	CEPH_S3_TLS_ENDPOINT=https://127.0.0.1:$RGW_TLS_PORT
	CEPH_S3_CA=$state/tls.pem
	CEPH_S3_DOMAIN=$DOMAIN
	CEPH_S3_REGION=default
	CEPH_S3_ACCESS_KEY=$access_key
	CEPH_S3_SECRET_KEY=$secret_key
	CEPH_S3_BUCKET=$bucket
	CEPH_SWIFT_AUTH_URL=$endpoint/auth/v1.0
	CEPH_SWIFT_USER=$swift_user
	CEPH_SWIFT_KEY=$swift_key
	CEPH_SWIFT_STORAGE_URL=$(<"$state/storage-url")
	CEPH_SWIFT_TEMPURL_KEY=$temp_url_key
	END
}

main "$@"
