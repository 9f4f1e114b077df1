import type { Model, ModelList } from "@sluice/shared/openai/model.ts";
import { createMiddleware } from "hono/factory";
import { mayUseModel } from "#edge/auth/model-terms.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Region } from "#edge/routing/region.ts";
import type { RegionView } from "#edge/routing/region-view.ts";

/**
 * The models of all regions in the credential's jurisdictions that it may use, as the regions last described them. While none has, the
 * next step asks one.
 */
export function listModels(regions: readonly Region[], view: RegionView) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const { jurisdictions, models } = c.get("admitted").routing;
    const reports = await view.readFresh((work) => c.executionCtx.waitUntil(work));
    const described = new Map<string, Model>();
    for (const { id, jurisdiction } of regions) {
      const report = reports.get(id);
      if (report?.kind !== "answered" || jurisdictions?.includes(jurisdiction) === false) continue;
      for (const card of report.status.modelCards ?? []) if (!described.has(card.id)) described.set(card.id, card);
    }
    if (described.size === 0) return next();
    const data = [...described.values()].filter(({ id }) => mayUseModel(id, models));
    return c.json({ object: "list", data } satisfies ModelList);
  });
}
