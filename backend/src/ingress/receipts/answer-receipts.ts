import type { IncomingMessage, ServerResponse } from "node:http";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import {
  noReceipt,
  type ReceiptReply,
  type ReceiptKey,
  receiptQuestionSchema,
  signReceipt,
  unendedReceipt,
} from "@sluice/shared/receipt.ts";
import { parseJson } from "#ingress/http/parse-json.ts";
import { readBody } from "#ingress/http/read-body.ts";
import { sendJson } from "#ingress/http/send-json.ts";
import type { ReceiptBook, ReceiptLookup } from "./receipt-book.ts";

/** Far more than a hundred request ids. */
const bodyLimits = { maxBytes: 64 * 1024, timeoutMs: 5_000 };

/** `POST /receipts`: see shared/src/receipt.ts. Whoever may ask may ask again: nothing is forgotten by being told. */
export async function answerReceipts(
  request: IncomingMessage,
  response: ServerResponse,
  book: ReceiptBook,
  key: ReceiptKey,
): Promise<void> {
  const question = parseRequest(receiptQuestionSchema, parseJson(await readBody(request, bodyLimits)));
  const { requestIds, waitMs } = question;
  const receipts = requestIds.map(async (requestId) => spell(await book.find(requestId, waitMs), key));
  const reply: ReceiptReply = { receipts: await Promise.all(receipts) };
  sendJson(response, 200, reply);
}

async function spell(found: ReceiptLookup, key: ReceiptKey): Promise<string> {
  switch (found.kind) {
    case "ended":
      return signReceipt(found.receipt, key);
    case "running":
      return unendedReceipt;
    case "none":
      return noReceipt;
  }
}
