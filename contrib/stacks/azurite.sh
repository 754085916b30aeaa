#!/usr/bin/env bash
# Azurite: Azure Blob Storage as its emulator has it.
#   azurite.sh up | env | down
source "$(dirname "$0")/common.sh"
stack azurite blob
ports AZURITE

start_blob() {
  # It knows older versions of the API than the clients of today ask for, which makes no difference here.
  launch blob "$programs/node_modules/.bin/azurite-blob" --blobHost 127.0.0.1 --blobPort "$AZURITE_PORT" \
    --location "$state" --silent --disableTelemetry --skipApiVersionCheck
}

answers_blob() { curl -s -m 5 -o /dev/null "http://127.0.0.1:$AZURITE_PORT/"; }

# The account that every Azurite has: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
environment() {
  cat <<-END
	AZURITE_URL=http://127.0.0.1:$AZURITE_PORT/devstoreaccount1
	AZURE_STORAGE_ACCOUNT_NAME=devstoreaccount1
	AZURE_STORAGE_ACCOUNT_KEY=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
	END
}

main "$@"
