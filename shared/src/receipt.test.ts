import { expect, test } from "vitest";
import {
  importReceiptKey,
  maxReceiptsAsked,
  type Receipt,
  receiptQuestionSchema,
  signReceipt,
  verifyReceipt,
} from "./receipt.ts";

const key = await importReceiptKey("one secret of edge and regions");
const receipt: Receipt = {
  requestId: "req_1",
  region: "eu-west",
  engine: "eu-west-0",
  model: "pocket",
  promptTokens: 12,
  cachedTokens: 0,
  completionTokens: 5,
  finishReason: "stop",
  endedAtMs: 1_000,
};

test("a signed receipt reads as what was signed", async () => {
  expect(await verifyReceipt(await signReceipt(receipt, key), key)).toEqual(receipt);
});

test("a receipt of another secret, or with a changed character, is none", async () => {
  const signed = await signReceipt(receipt, key);
  expect(await verifyReceipt(signed, await importReceiptKey("another secret"))).toBeUndefined();
  for (const index of [0, 10, signed.indexOf("."), signed.length - 5]) {
    const changed = signed.slice(0, index) + (signed[index] === "A" ? "B" : "A") + signed.slice(index + 1);
    expect(await verifyReceipt(changed, key)).toBeUndefined();
  }
});

test.each(["", ".", "..", "a.b", "a.b.c", "%%.%%"])("%j is no receipt", async (text) => {
  expect(await verifyReceipt(text, key)).toBeUndefined();
});

test("what was signed but is no receipt is none", async () => {
  for (const completionTokens of [-1, 0.5, 2 ** 31 + 1, 2 ** 53]) {
    expect(await verifyReceipt(await signReceipt({ ...receipt, completionTokens }, key), key)).toBeUndefined();
  }
});

test.each([
  [0, 0, false],
  [1, 0, true],
  [maxReceiptsAsked, 1, true],
  [maxReceiptsAsked + 1, 0, false],
  [1, -1, false],
])("a question for %d receipts that waits %d ms is one: %s", (numIds, waitMs, isQuestion) => {
  const requestIds = Array.from({ length: numIds }, (_, index) => `req_${index}`);
  expect(receiptQuestionSchema.safeParse({ requestIds, waitMs }).success).toBe(isQuestion);
});
