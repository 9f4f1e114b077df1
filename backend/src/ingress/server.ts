// The region's HTTP face: every request takes the same way, and leaves by the same door.
//
//   address -> passport -> room -> body -> answer -> record
//
// The passport is inspected before a byte of the body is read, so that nobody but the edge can make an ingress work.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "@sluice/shared/errors.ts";
import { type PassportClaims, passportHeader } from "@sluice/shared/passport.ts";
import { noReceipt, type Receipt, receiptHeader, type ReceiptKey, signReceipt } from "@sluice/shared/receipt.ts";
import type { Clock } from "#platform/clock.ts";
import type { Logger } from "#platform/logger.ts";
import { answerChat } from "./chat/answer-chat.ts";
import { answerCompletion } from "./completions/answer-completion.ts";
import { answerEmbeddings } from "./embeddings/answer-embeddings.ts";
import type { CallLimits } from "./engines/engine-client.ts";
import type { Exchange } from "./exchange.ts";
import { parseJson } from "./http/parse-json.ts";
import { type BodyLimits, readBody } from "./http/read-body.ts";
import { renderError } from "./http/render-error.ts";
import { requestIdOf } from "./http/request-id.ts";
import { sendJson } from "./http/send-json.ts";
import type { InFlight } from "./in-flight.ts";
import type { IngressMetrics } from "./ingress-metrics.ts";
import type { PassportControl } from "./passport/passport-control.ts";
import { getModel, listModels, type Region, regionStatus } from "./region.ts";
import { answerReceipts } from "./receipts/answer-receipts.ts";
import type { ReceiptBook } from "./receipts/receipt-book.ts";
import { receiptOf } from "./receipts/receipt-of.ts";
import { answerInputTokens } from "./responses/answer-input-tokens.ts";
import { answerResponse } from "./responses/answer-response.ts";
import { RequestRecord } from "./request-record.ts";
import { matchRoute, type RouteMatch, type RouteName } from "./router.ts";
import { answerDetokenize } from "./tokens/answer-detokenize.ts";
import { answerTokenize } from "./tokens/answer-tokenize.ts";

const headersTimeoutMs = 10_000;
/** Longer than the edge keeps an idle connection: the edge, which knows what it sent, must be the one to close. */
const keepAliveTimeoutMs = 75_000;
/** How long the last answers may take to be flushed. */
const farewellMs = 1_000;

/** What a server is made of. */
export interface IngressParts {
  readonly region: Region;
  readonly passports: PassportControl;
  readonly inFlight: InFlight;
  readonly bodyLimits: BodyLimits;
  readonly clock: Clock;
  readonly receipts: ReceiptBook;
  readonly receiptKey: ReceiptKey;
  readonly metrics: IngressMetrics;
  readonly logger: Logger;
}

type Answer = (body: unknown, region: Region, exchange: Exchange) => Promise<void>;

/** The routes that take a body. */
const answers = {
  chat: answerChat,
  responses: answerResponse,
  input_tokens: answerInputTokens,
  completions: answerCompletion,
  embeddings: answerEmbeddings,
  tokenize: answerTokenize,
  detokenize: answerDetokenize,
} satisfies Partial<Record<RouteName, Answer>>;

export class IngressServer {
  readonly #parts: IngressParts;
  readonly #server: Server;

  constructor(parts: IngressParts) {
    this.#parts = parts;
    // The time of a whole request is kept by InFlight.
    const options = { headersTimeout: headersTimeoutMs, keepAliveTimeout: keepAliveTimeoutMs, requestTimeout: 0 };
    this.#server = createServer(options, (request, response) => void this.#serve(request, response));
  }

  /** Resolves with the port that is listened on. Rejects when it is taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /**
   * Refuses new completions and says so at `/status`; closes once the running ones ended, by themselves or after `graceMs`.
   * Requests that came in meanwhile are still answered, if only with a refusal.
   */
  async drain(graceMs: number): Promise<void> {
    await this.#parts.inFlight.drain(graceMs);
    const closed = once(this.#server, "close");
    this.#server.close();
    // A connection that is kept alive closes only while it is idle, and nobody says when that is.
    const sweep = setInterval(() => this.#server.closeIdleConnections(), 20);
    await Promise.race([closed, sleep(farewellMs)]);
    clearInterval(sweep);
    this.#server.closeAllConnections();
  }

  /** Never rejects: every failure becomes an answer. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = new RequestRecord(requestIdOf(request.headers["x-request-id"]), this.#parts.clock);
    response.setHeader("x-request-id", record.requestId);
    // A connection may break at any time; what is being done for it hears so through `close`.
    response.on("error", () => {});
    try {
      await this.#route(request, response, record);
    } catch (thrown) {
      record.error = AppError.from(thrown);
      renderError(response, record.error);
    }
    const status = record.error?.code === "request_cancelled" ? record.error.httpStatus : response.statusCode;
    this.#parts.metrics.noteAnswered(record, status);
    record.write(status, this.#parts.logger);
  }

  async #route(request: IncomingMessage, response: ServerResponse, record: RequestRecord): Promise<void> {
    const match = matchRoute(request.method ?? "", request.url ?? "");
    if (match.kind === "found") record.route = match.name;
    if (match.kind === "found" && match.name === "health") return this.#answerHealth(response);
    const claims = await this.#parts.passports.inspect(request.headers[passportHeader]);
    record.requestId = requestIdOf(claims.rid);
    response.setHeader("x-request-id", record.requestId);
    await this.#answer(match, claims, request, response, record);
  }

  async #answer(
    match: RouteMatch,
    claims: PassportClaims,
    request: IncomingMessage,
    response: ServerResponse,
    record: RequestRecord,
  ): Promise<void> {
    if (match.kind === "not_found") throw new AppError("unknown_url");
    if (match.kind === "method_not_allowed") {
      response.setHeader("allow", match.allow);
      throw new AppError("method_not_allowed");
    }
    switch (match.name) {
      case "health":
        return this.#answerHealth(response);
      case "status":
        return sendJson(response, 200, regionStatus(this.#parts.region, this.#parts.inFlight.isDraining));
      case "models":
        return sendJson(response, 200, listModels(this.#parts.region));
      case "model":
        return sendJson(response, 200, getModel(this.#parts.region, match.id));
      case "receipts":
        return answerReceipts(request, response, this.#parts.receipts, this.#parts.receiptKey);
      default:
        return this.#complete(answers[match.name], claims, request, response, record);
    }
  }

  #answerHealth(response: ServerResponse): void {
    const { status } = regionStatus(this.#parts.region, this.#parts.inFlight.isDraining);
    sendJson(response, status === "ok" ? 200 : 503, { status });
  }

  async #complete(
    answer: Answer,
    claims: PassportClaims,
    request: IncomingMessage,
    response: ServerResponse,
    record: RequestRecord,
  ): Promise<void> {
    const limits = this.#parts.inFlight.enter(request, response);
    const body = await readBody(request, this.#parts.bodyLimits);
    await this.#parts.passports.stamp(claims, body);
    this.#parts.receipts.open(claims.rid);
    try {
      await this.#generate(answer, body, claims, response, record, limits);
    } catch (thrown) {
      record.error = AppError.from(thrown);
      if (!response.headersSent) response.setHeader(receiptHeader, await this.#signReceipt(claims, record));
      throw record.error;
    } finally {
      this.#parts.receipts.close(claims.rid, this.#receiptOf(claims, record));
    }
  }

  /** As of now. */
  #receiptOf({ rid: requestId }: PassportClaims, { progress, error }: RequestRecord): Receipt | undefined {
    const { id: region, model } = this.#parts.region;
    return receiptOf({ requestId, region, model: model.id, endedAtMs: this.#parts.clock.nowMs() }, progress, error);
  }

  async #signReceipt(claims: PassportClaims, record: RequestRecord): Promise<string> {
    const receipt = this.#receiptOf(claims, record);
    return receipt === undefined ? noReceipt : signReceipt(receipt, this.#parts.receiptKey);
  }

  async #generate(
    answer: Answer,
    body: Uint8Array<ArrayBuffer>,
    claims: PassportClaims,
    response: ServerResponse,
    record: RequestRecord,
    limits: CallLimits,
  ): Promise<void> {
    await answer(parseJson(body), this.#parts.region, {
      response,
      requestId: record.requestId,
      createdS: Math.floor(this.#parts.clock.nowMs() / 1000),
      claims,
      limits,
      progress: record.progress,
      elapsedMs: () => record.elapsedMs,
      signReceipt: async () => this.#signReceipt(claims, record),
    });
  }
}
