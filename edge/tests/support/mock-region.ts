// A region as the edge sees it: a status, a passport check, and an answer that the test chooses.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type PassportClaims, type PassportKey, passportHeader, verifyPassport } from "@sluice/shared/passport.ts";
import type { RegionStatus } from "@sluice/shared/region-status.ts";
import {
  importReceiptKey,
  noReceipt,
  type Receipt,
  type ReceiptQuestion,
  type ReceiptReply,
  receiptsPath,
  signReceipt,
  unendedReceipt,
} from "@sluice/shared/receipt.ts";
import type { Place } from "./edge.ts";

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** Absent when the passport did not hold. */
  readonly passport: PassportClaims | undefined;
  /** Whether its connection closed before its answer was complete. */
  isAbandoned: boolean;
}

/** Shared by the Worker and the mock regions. */
export const receiptSecret = "receipt-secret-of-the-tests-0123456789abcdef";
const receiptKey = await importReceiptKey(receiptSecret);

/** What a request used; `missing` breaks the connection when it is asked for, `none` was never run here, `running` does not end. */
export type MockUsage =
  | { readonly promptTokens: number; readonly completionTokens: number }
  | "missing"
  | "none"
  | "running";

/** What a region does with a request whose passport holds. */
export type Behaviour = (response: ServerResponse, request: ReceivedRequest) => void;

export class MockRegion {
  readonly id: Place;
  /** All but the polls of the board. */
  readonly received: ReceivedRequest[] = [];
  numPolls = 0;
  behaviour: Behaviour = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{}");
  status: RegionStatus["status"] = "ok";
  /** Takes connections and answers nothing, not even how it is. */
  isFrozen = false;
  models: string[] = ["pocket"];
  /** What is said of them; absent says nothing. */
  modelCards: RegionStatus["modelCards"];
  engines: RegionStatus["engines"] = [];
  /** What the receipts say. */
  usageOf: (requestId: string) => MockUsage = () => "none";
  /** What receipts were asked for. */
  readonly questions: ReceiptQuestion[] = [];
  readonly #server: Server;
  readonly #passportKey: PassportKey;

  private constructor(id: Place, passportKey: PassportKey) {
    this.id = id;
    this.#passportKey = passportKey;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        // One that was cut off before it was read, as by `stop`, has no answer.
        if (error !== request.errored) throw error;
      });
    });
  }

  static async start(id: Place, passportKey: PassportKey): Promise<MockRegion> {
    const region = new MockRegion(id, passportKey);
    await new Promise<void>((resolve) => region.#server.listen(0, "127.0.0.1", resolve));
    return region;
  }

  /** How many of the requests received were abandoned. */
  get numAbandoned(): number {
    return this.received.filter(({ isAbandoned }) => isAbandoned).length;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Refuses connections from now on. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.isFrozen) return;
    const { method = "", url = "", headers } = request;
    const passport = await this.#verify(headers[passportHeader]);
    if (url === "/status") {
      this.numPolls += 1;
      if (passport === undefined) return void response.writeHead(401).end();
      return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(this.#report()));
    }
    if (url === receiptsPath) {
      const question = JSON.parse(await text(request)) as ReceiptQuestion;
      return this.#answerReceipts(question, passport, response);
    }
    const received = { method, url, headers, body: await text(request), passport, isAbandoned: false };
    response.on("close", () => {
      received.isAbandoned = !response.writableFinished;
    });
    this.received.push(received);
    if (passport === undefined) return void response.writeHead(401).end();
    this.behaviour(response, received);
  }

  /** Request ids whose receipts were asked for. */
  get receiptsAsked(): readonly string[] {
    return this.questions.flatMap(({ requestIds }) => requestIds);
  }

  async #answerReceipts(
    question: ReceiptQuestion,
    passport: PassportClaims | undefined,
    response: ServerResponse,
  ): Promise<void> {
    this.questions.push(question);
    if (passport === undefined) return void response.writeHead(401).end();
    const usages = question.requestIds.map((requestId) => ({ requestId, usage: this.usageOf(requestId) }));
    if (usages.some(({ usage }) => usage === "missing")) return void response.socket?.resetAndDestroy();
    const receipts = usages.map(async ({ requestId, usage }) => this.#signReceipt(requestId, usage));
    const reply: ReceiptReply = { receipts: await Promise.all(receipts) };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(reply));
  }

  /** As a region would. */
  async #signReceipt(requestId: string, usage: MockUsage): Promise<string> {
    if (usage === "none" || usage === "missing") return noReceipt;
    if (usage === "running") return unendedReceipt;
    const head = { requestId, region: this.id, model: "pocket", cachedTokens: 0, finishReason: "stop", endedAtMs: 0 };
    const receipt: Receipt = { ...head, ...usage };
    return signReceipt(receipt, receiptKey);
  }

  async #verify(passport: string | string[] | undefined): Promise<PassportClaims | undefined> {
    if (typeof passport !== "string") return undefined;
    return verifyPassport(passport, this.id, this.#passportKey, Date.now()).catch(() => undefined);
  }

  #report(): RegionStatus {
    const { id, status, models, modelCards, engines } = this;
    return {
      region: id,
      status,
      models,
      ...(modelCards && { modelCards }),
      engines,
      numRunning: 0,
      numWaiting: 0,
      numQueuedTokens: 0,
    };
  }
}
