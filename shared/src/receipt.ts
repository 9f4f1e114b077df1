// The receipt is a region's signed word on what one request used: counted by the engine, and what a caller is billed by. Signed, so
// that it can be kept and believed later. It is in the head of an answer that was whole before it was sent; of a stream, and of a
// request that was left, the edge asks for it when the request has ended.
//
// Form: base64url(JSON) "." base64url(HMAC-SHA-256 over what stands before the dot), under a secret of edge and regions.
import * as z from "zod/mini";
import { decodeBase64Url, encodeBase64Url } from "./base64-url.ts";

/** More than an engine could count in a request; sums and products of such numbers are exact. */
const maxTokens = 2 ** 31;

const tokens = z.int().check(z.gte(0), z.lte(maxTokens));

export const receiptSchema = z.object({
  requestId: z.string(),
  region: z.string(),
  /** The engine that ran it last; absent when none did. */
  engine: z.optional(z.string()),
  model: z.string(),
  promptTokens: tokens,
  /** Prompt tokens that came from the prefix cache; part of `promptTokens`. */
  cachedTokens: tokens,
  completionTokens: tokens,
  /** `cancelled`: the caller left. `error`: it failed, or its time was up. */
  finishReason: z.string(),
  endedAtMs: z.int(),
});

export type Receipt = Readonly<z.infer<typeof receiptSchema>>;

export type ReceiptKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Where a region is asked for receipts, by `POST`, of many requests in one question. */
export const receiptsPath = "/receipts";

/** Requests in one question. */
export const maxReceiptsAsked = 100;

export const receiptQuestionSchema = z.object({
  requestIds: z.array(z.string().check(z.maxLength(256))).check(z.minLength(1), z.maxLength(maxReceiptsAsked)),
  /** How long to wait, in milliseconds, for those that are still running; a region waits no longer than it likes. */
  waitMs: z.int().check(z.gte(0)),
});

export type ReceiptQuestion = Readonly<z.infer<typeof receiptQuestionSchema>>;

/** In the place of a receipt: the request never came to anything here. */
export const noReceipt = "none";
/** In the place of a receipt: the request is still running. */
export const unendedReceipt = "running";

/** What a region says, in the order of the question: a signed receipt each, or a word in its place. */
export const receiptReplySchema = z.object({ receipts: z.array(z.string()) });

export type ReceiptReply = Readonly<z.infer<typeof receiptReplySchema>>;

/** Header of a whole answer, or of an error in its place: the signed receipt, or `noReceipt`. It goes no further than the edge. */
export const receiptHeader = "x-sluice-receipt";

export async function importReceiptKey(secret: string): Promise<ReceiptKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign", "verify"]);
}

export async function signReceipt(receipt: Receipt, key: ReceiptKey): Promise<string> {
  const payload = encodeBase64Url(encoder.encode(JSON.stringify(receipt)));
  return `${payload}.${encodeBase64Url(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(payload))))}`;
}

/** The receipt; absent when the text is not one signed with the key. */
export async function verifyReceipt(signed: string, key: ReceiptKey): Promise<Receipt | undefined> {
  const [payload = "", signature = "", ...rest] = signed.split(".");
  const [payloadBytes, signatureBytes] = [decodeBase64Url(payload), decodeBase64Url(signature)];
  if (rest.length > 0 || payloadBytes === undefined || signatureBytes === undefined) return undefined;
  if (!(await crypto.subtle.verify("HMAC", key, signatureBytes, encoder.encode(payload)))) return undefined;
  const parsed = receiptSchema.safeParse(JSON.parse(decoder.decode(payloadBytes)));
  return parsed.success ? parsed.data : undefined;
}
