#!/bin/sh
# Writes the Worker's variables where wrangler reads them, brings D1 to the newest migration, then becomes the edge.
set -eu
umask 077
needed="REGIONS KEY_TAG_SECRET ADMIN_KEY RECEIPT_SECRET PASSPORT_PRIVATE_JWK"
# Every other variable that edge/src/config.ts reads.
optional="CORS_ORIGINS MAX_BODY_BYTES BODY_TIMEOUT_MS ADMIT_TIMEOUT_MS MAX_ATTEMPTS STREAM_START_TIMEOUT_MS
  ANSWER_TIMEOUT_MS RECEIPT_TIMEOUT_MS SETTLE_WINDOW_MS DEFAULT_OUTPUT_TOKENS GATE_FAIL_MODE GATE_FAIL_OPEN_PER_MINUTE
  DATABASE_TIMEOUT_MS MAX_FILE_BYTES MAX_STORAGE_BYTES UPLOAD_TIMEOUT_MS STORAGE_TIMEOUT_MS FILE_RETENTION_DAYS
  FILES_JURISDICTION BATCH_MAX_LINES BATCH_MAX_ACTIVE BATCH_MAX_PARALLEL_LINES BATCH_MAX_TRIES
  BATCH_MAX_ANSWER_BYTES BATCH_MAX_OUTPUT_BYTES BATCH_TURN_MS BATCH_RETENTION_DAYS KEY_DEFAULT_LIFETIME_DAYS KEY_MAX_LIFETIME_DAYS KEYS_MAY_NEVER_EXPIRE
  KEY_EXPIRY_WARNING_DAYS RESPONSE_RETENTION_DAYS RESPONSE_MAX_LENGTH STATE_JURISDICTIONS
  IDEMPOTENCY_LEASE_MS IDEMPOTENCY_MAX_WAIT_MS IDEMPOTENCY_MAX_ANSWER_BYTES"
for name in $needed; do
  printenv "$name" > /dev/null || { echo "edge: set $name" >&2; exit 1; }
done
for name in $needed $optional; do
  if value=$(printenv "$name"); then printf "%s='%s'\n" "$name" "$value"; fi
done > /state/edge.env
npx wrangler d1 migrations apply DB --local --persist-to /state
exec npx wrangler dev --local --show-interactive-dev-session=false --ip=0.0.0.0 --port=8787 \
  --persist-to=/state --env-file=/state/edge.env
