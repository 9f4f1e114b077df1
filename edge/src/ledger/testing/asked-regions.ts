// The two regions of the tests' configuration, as whoever asks for receipts sees them. The one named `near` never ran anything.
import { importReceiptKey, noReceipt, signReceipt } from "@sluice/shared/receipt.ts";
import { vi } from "vitest";

export class AskedRegions {
  /** Whether `near` answers at all. */
  isNearThere = true;
  /** Hosts, as they were asked. */
  readonly asked: string[] = [];
  readonly #ranInFar: (requestId: string) => boolean;

  /** Answers in the place of `fetch` until mocks are restored. */
  constructor(ranInFar: (requestId: string) => boolean) {
    this.#ranInFar = ranInFar;
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const { hostname, pathname } = new URL(input instanceof Request ? input.url : input);
      if (pathname !== "/receipts") throw new Error("not a question for receipts");
      const { requestIds } = JSON.parse(new TextDecoder().decode(init?.body as Uint8Array)) as { requestIds: string[] };
      return Response.json({ receipts: await this.#answer(hostname, requestIds) });
    });
  }

  async #answer(hostname: string, requestIds: readonly string[]): Promise<readonly string[]> {
    this.asked.push(hostname);
    if (hostname === "near.test" && !this.isNearThere) throw new Error("unreachable");
    const ran = (id: string) => hostname === "far.test" && this.#ranInFar(id);
    return Promise.all(requestIds.map(async (id) => (ran(id) ? receiptOfFar(id) : noReceipt)));
  }
}

/** Of 42 tokens, as `far` signs it. */
export async function receiptOfFar(requestId: string): Promise<string> {
  const key = await importReceiptKey("receipt-secret-of-the-tests-0123456789abcdef");
  const counts = { promptTokens: 30, cachedTokens: 0, completionTokens: 12 };
  const names = { requestId, region: "far", model: "pocket" };
  return signReceipt({ ...names, ...counts, finishReason: "cancelled", endedAtMs: 0 }, key);
}
