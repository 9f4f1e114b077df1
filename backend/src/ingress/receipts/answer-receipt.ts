import type { ServerResponse } from "node:http";
import { AppError } from "@sluice/shared/errors.ts";
import { type ReceiptKey, signReceipt } from "@sluice/shared/receipt.ts";
import type { ReceiptBook } from "./receipt-book.ts";

/** `GET /receipts/<request id>`: see shared/src/receipt.ts. */
export async function answerReceipt(
  requestId: string | undefined,
  book: ReceiptBook,
  key: ReceiptKey,
  response: ServerResponse,
): Promise<void> {
  const found = await book.find(requestId ?? "");
  if (found.kind === "none") throw new AppError("not_found");
  const body = found.kind === "ended" ? await signReceipt(found.receipt, key) : "";
  response.writeHead(found.kind === "ended" ? 200 : 202, {
    "content-type": "text/plain",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
