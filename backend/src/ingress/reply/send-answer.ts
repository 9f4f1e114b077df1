import { receiptHeader } from "@sluice/shared/receipt.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { sendJson } from "#ingress/http/send-json.ts";
import { replyHeaders } from "./reply-headers.ts";

/** A whole answer. What it used is known before it is sent, so its receipt goes with it, and nobody need ask. */
export async function sendAnswer(payload: unknown, model: string, exchange: Exchange): Promise<void> {
  const receipt = await exchange.signReceipt();
  sendJson(exchange.response, 200, payload, { ...replyHeaders(model, exchange), [receiptHeader]: receipt });
}
