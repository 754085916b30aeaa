#!/usr/bin/env bash
# An emulator of Google Cloud Storage. It keeps everything in memory, and checks no preconditions.
#   gcs.sh up | env | down
source "$(dirname "$0")/common.sh"
stack gcs emulator
ports GCS

start_emulator() { launch emulator "$programs/bin/gcp-storage-emulator" start -H 127.0.0.1 --port "$GCS_PORT" -M -q; }

answers_emulator() { curl -s -m 5 -o /dev/null "http://127.0.0.1:$GCS_PORT/"; }

environment() { echo "STORAGE_EMULATOR_HOST=http://127.0.0.1:$GCS_PORT"; }

main "$@"
