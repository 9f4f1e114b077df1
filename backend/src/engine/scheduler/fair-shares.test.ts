import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FairShares } from "./fair-shares.ts";

test("remembers a bounded number of tenants of which nothing waits, and those that wait always", () => {
  const shares = new FairShares();
  const waiting = new Set(["waits"]);
  shares.join("waits");
  shares.charge("waits", 1);
  for (let index = 0; index < 10_000; index += 1) {
    const tenant = `tenant ${index}`;
    shares.join(tenant);
    shares.charge(tenant, 1 + (index % 7));
    shares.trim((each) => waiting.has(each), waiting.size);
    expect(shares.size).toBeLessThanOrEqual(1_026);
  }
  expect(shares.counterOf("waits")).toBe(1);
});

test("forgetting a tenant that virtual time has passed changes nothing", () => {
  const charge = fc.record({ tenant: fc.constantFrom("a", "b", "c"), cost: fc.integer({ min: 1, max: 50 }) });
  fc.assert(
    fc.property(fc.array(charge), fc.integer({ min: 1, max: 2000 }), (charges, passed) => {
      const [kept, trimmed] = [new FairShares(), new FairShares()];
      for (const shares of [kept, trimmed]) {
        for (const { tenant, cost } of charges) shares.charge(tenant, cost);
        // One tenant is far ahead and is served all the same: virtual time passes the others.
        shares.charge("ahead", passed);
        shares.choose(shares.counterOf("ahead"));
      }
      for (let index = 0; index < 1_100; index += 1) trimmed.join(`passing by ${index}`);
      trimmed.trim(() => false, 0);
      for (const tenant of ["a", "b", "c"]) {
        for (const shares of [kept, trimmed]) shares.join(tenant);
        expect(trimmed.counterOf(tenant)).toBe(kept.counterOf(tenant));
      }
    }),
  );
});
