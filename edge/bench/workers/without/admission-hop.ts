// Gates that grant without asking; they still hear how it ended.
import { KeyGates as Gates } from "../../../src/auth/key-gates.ts";
import type { GateAddress } from "#edge/auth/gate-address.ts";
import type { Admission } from "#edge/auth/admission.ts";

export class KeyGates extends Gates {
  override async admit({ keyId }: GateAddress): Promise<Admission> {
    const reading = { limit: 1_000_000, remaining: 999_999, resetMs: 60 };
    return {
      kind: "admitted",
      principal: { orgId: "org_bench", projectId: "proj_bench", keyId },
      routing: { jurisdictions: undefined, models: {}, isExplained: false },
      expiresAtMs: undefined,
      reservedTokens: 200,
      isLeased: true,
      report: { requests: reading, tokens: reading },
    };
  }
}
