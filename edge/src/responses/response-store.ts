// Keeps one response and the conversation that led to it: a Durable Object named by organization, project and response, so that
// another tenant's id leads to an empty one.
import { DurableObject } from "cloudflare:workers";
import * as z from "zod/mini";
import { TextShelf } from "./text-shelf.ts";

const headKey = "head";

const headSchema = z.object({
  status: z.string(),
  /** Of the items, those that are the response's input; the rest is its output. */
  numInputItems: z.int(),
  expiresAtMs: z.number(),
});

type Head = Readonly<z.infer<typeof headSchema>>;

/** A response and its conversation, as JSON. */
export interface StoredResponse extends Head {
  readonly response: string;
  /** A list: the input, then the output. */
  readonly items: string;
}

export class ResponseStore extends DurableObject {
  readonly #texts: TextShelf;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.#texts = new TextShelf(state.storage.sql);
  }

  async keep({ response, items, ...head }: StoredResponse): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      this.#texts.put("response", response);
      this.#texts.put("items", items);
      this.ctx.storage.kv.put(headKey, head);
    });
    await this.ctx.storage.setAlarm(head.expiresAtMs);
  }

  /** Undefined when there is none, or its time is over. */
  read(): StoredResponse | undefined {
    const head = this.#head();
    return head && { ...head, response: this.#texts.get("response"), items: this.#texts.get("items") };
  }

  /** Returns false when there was none. */
  async delete(): Promise<boolean> {
    const isThere = this.#head() !== undefined;
    await this.ctx.storage.deleteAll();
    return isThere;
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }

  #head(): Head | undefined {
    const stored = this.ctx.storage.kv.get(headKey);
    const head = stored === undefined ? undefined : headSchema.parse(stored);
    return head !== undefined && head.expiresAtMs > Date.now() ? head : undefined;
  }
}
