#!/usr/bin/env bash
# moto, an imitation of Amazon's services in memory; it takes any key, and knows the region us-east-1.
#   moto.sh up | env | down
source "$(dirname "$0")/common.sh"
stack moto server
ports MOTO

start_server() { launch server "$programs/bin/moto_server" -H 127.0.0.1 -p "$MOTO_PORT"; }

answers_server() { curl -s -m 5 -o /dev/null "http://127.0.0.1:$MOTO_PORT/moto-api/"; }

environment() { echo "MOTO_URL=http://127.0.0.1:$MOTO_PORT"; }

main "$@"
