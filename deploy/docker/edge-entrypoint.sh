#!/bin/sh
# Writes the Worker's variables where wrangler reads them, brings D1 to the newest migration, then becomes the edge.
set -eu
umask 077
for name in REGIONS KEY_TAG_SECRET ADMIN_KEY RECEIPT_SECRET PASSPORT_PRIVATE_JWK; do
  value=$(printenv "$name") || { echo "edge: set $name" >&2; exit 1; }
  printf "%s='%s'\n" "$name" "$value"
done > /state/edge.env
npx wrangler d1 migrations apply DB --local --persist-to /state
exec npx wrangler dev --local --show-interactive-dev-session=false --ip=0.0.0.0 --port=8787 \
  --persist-to=/state --env-file=/state/edge.env
