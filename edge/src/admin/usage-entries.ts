// `POST /v1/organization/usage_entries`: usage that never reached the queue, as the log has it (`usage entry not queued`), is put
// on its way to the ledger after all. What an entry says counts only as far as the regions signed it, and once.
import type { Handler } from "hono";
import * as z from "zod/mini";
import type { BodyBounds } from "#edge/body/read-bytes.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { EdgeContext } from "#edge/context.ts";
import { usageEntrySchema } from "#edge/ledger/usage-entry.ts";
import type { UsageOutbox } from "#edge/ledger/usage-outbox.ts";
import type { AuditLog } from "./audit-log.ts";
import { organizationId } from "./organization.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";

const maxEntries = 100;

const bodySchema = z.strictObject({
  entries: z.array(usageEntrySchema).check(z.minLength(1), z.maxLength(maxEntries)),
});

export interface UsageEntriesParts {
  readonly usageOutbox: UsageOutbox;
  readonly audit: AuditLog;
  readonly bounds: BodyBounds;
}

export function enterUsage({ usageOutbox, audit, bounds }: UsageEntriesParts): Handler<EdgeContext> {
  return async (c) => {
    const { entries } = parseRequest(bodySchema, (await readJson(c.req.raw, bounds)).value);
    const requestIds = entries.map(({ requestId }) => requestId);
    const event = { type: "usage.entered", targetId: organizationId } as const;
    await audit.record(c.get("actor"), { ...event, after: { request_ids: requestIds } });
    await usageOutbox.enter(entries);
    return c.json({ object: "organization.usage_entries", num_queued: entries.length });
  };
}
