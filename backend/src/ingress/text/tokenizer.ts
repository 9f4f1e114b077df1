import { AppError } from "@sluice/shared/errors.ts";
import { Tokenizer as NativeTokenizer } from "tokenizers";
import * as z from "zod";
import { ControlText } from "./control-text.ts";
import { Turns } from "./turns.ts";
import { TokenBytes, tokenSpelling } from "@sluice/shared/token-bytes.ts";

const addedTokenSchema = z.looseObject({ content: z.string(), special: z.boolean() });

const tokenizerJsonSchema = z.looseObject({
  added_tokens: z.array(addedTokenSchema).default([]),
  decoder: z.unknown(),
  model: z.looseObject({ unk_token: z.string().nullish() }),
});

/** In UTF-16 units. Longer texts take a thread of the process's pool for as long as thousands of short ones. */
const longText = 32_768;
/** The pool has four threads (libuv), and short texts shall find one free. */
const mostLongAtOnce = 2;

/** Text to token ids, natively and off the main thread; and what is needed to go back. */
export class Tokenizer {
  readonly vocabSize: number;
  /** Without the added tokens: those may lie beyond what a model has, as long as nobody spells them. */
  readonly plainVocabSize: number;
  /** No token stands for more UTF-16 units of text than this. */
  readonly longestToken: number;
  readonly tokenBytes: TokenBytes;
  readonly controlText: ControlText;
  readonly #native: NativeTokenizer;
  /** The same vocabulary, blind to added tokens. Only the special ones could be left out, but then the others would move:
   * the library numbers added tokens by their order, not by the ids in the file. */
  readonly #plain: NativeTokenizer;
  /** Ids that `#plain` must never produce. The unknown token is not among them: any text may hold an unknown character. */
  readonly #controlIds: ReadonlySet<number>;
  readonly #longTexts = new Turns(mostLongAtOnce);

  /** Takes the text of a tokenizer.json. Throws when it is not one that can be decoded piece by piece. */
  constructor(tokenizerJson: string) {
    const parsed = tokenizerJsonSchema.parse(JSON.parse(tokenizerJson));
    const special = parsed.added_tokens.filter((token) => token.special);
    const native = NativeTokenizer.fromString(tokenizerJson);
    const vocab = Object.entries(native.getVocab(true));
    this.#native = native;
    this.#plain = NativeTokenizer.fromString(JSON.stringify({ ...parsed, added_tokens: [] }));
    this.vocabSize = sizeOf(vocab.map(([, id]) => id));
    this.plainVocabSize = sizeOf(Object.values(native.getVocab(false)));
    this.longestToken = vocab.reduce((longest, [token]) => Math.max(longest, token.length), 1);
    const idsOf = (tokens: typeof special): Set<number> =>
      new Set(tokens.map((token) => native.tokenToId(token.content)).filter((id) => id !== null));
    this.#controlIds = idsOf(special.filter((token) => token.content !== parsed.model.unk_token));
    this.tokenBytes = new TokenBytes((id) => native.idToToken(id), tokenSpelling(parsed.decoder), idsOf(special));
    this.controlText = new ControlText(special.map((token) => token.content));
  }

  /** A raw prompt as a base model wants it: begin-of-sequence added, control tokens read wherever they are spelled. */
  async encodeRaw(text: string): Promise<number[]> {
    return this.#encodeWith(this.#native, text, true);
  }

  /** As `encodeRaw`, with nothing added. */
  async encodeBare(text: string): Promise<number[]> {
    return this.#encode(text);
  }

  /** A rendered chat template: its own control tokens are read, those in protected text are plain characters. */
  async encodeRendered(rendered: string): Promise<number[]> {
    const sections = this.controlText.sections(rendered);
    const ids = await Promise.all(
      sections.map((section) => (section.mayControl ? this.#encode(section.text) : this.#encodePlain(section.text))),
    );
    return ids.flat();
  }

  #encode(text: string): Promise<number[]> {
    return this.#encodeWith(this.#native, text, false);
  }

  /** A vocabulary can hold merges that spell a control token even so; such a text is refused. */
  async #encodePlain(text: string): Promise<number[]> {
    const ids = await this.#encodeWith(this.#plain, text, false);
    if (ids.some((id) => this.#controlIds.has(id))) {
      throw new AppError("invalid_value", { detail: "a caller's text encodes to a control token" });
    }
    return ids;
  }

  async #encodeWith(tokenizer: NativeTokenizer, text: string, addSpecialTokens: boolean): Promise<number[]> {
    const encode = async (): Promise<number[]> => (await tokenizer.encode(text, null, { addSpecialTokens })).getIds();
    return text.length < longText ? encode() : this.#longTexts.take(encode);
  }
}

/** One more than the largest id. */
function sizeOf(ids: readonly number[]): number {
  return ids.reduce((size, id) => Math.max(size, id + 1), 0);
}
