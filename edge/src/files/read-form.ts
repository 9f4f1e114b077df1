// Reads `multipart/form-data` as it arrives: the fields are kept, the file is passed on piece by piece, with as much in memory as
// one piece of the body. Source: RFC 7578.
import { AppError } from "@sluice/shared/errors.ts";
import { decodeField, make, type MultipartError } from "multipasta";
import { namesOf } from "./part-names.ts";

export interface FormBounds {
  /** Of the whole body. */
  readonly maxBytes: number;
  /** Until the body has arrived. */
  readonly timeoutMs: number;
}

export interface Form {
  /** name -> value, the last one given */
  readonly fields: ReadonlyMap<string, string>;
  /** Of the file. Absent: the form gave none. */
  readonly filename: string | undefined;
}

const maxParts = 16;
const maxFieldBytes = 1024;

/**
 * Gives `onFile` the bytes of the part called `file`, each piece after the last one was taken. Throws
 * `unsupported_media_type`, `request_too_large`, `request_timeout`, `missing_required_parameter` or `invalid_value`.
 */
export async function readForm(
  request: Request,
  bounds: FormBounds,
  onFile: (bytes: Uint8Array) => Promise<void>,
): Promise<Form> {
  const contentType = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\s*;/i.test(contentType) || request.body === null) {
    throw new AppError("unsupported_media_type", { publicText: "Send the body as multipart/form-data." });
  }
  const state = new FormState(contentType, bounds.maxBytes);
  for await (const bytes of piecesOf(request.body, bounds.timeoutMs)) {
    for (const piece of state.read(bytes)) await onFile(piece);
  }
  return state.end();
}

class FormState {
  readonly #fields = new Map<string, string>();
  readonly #parser: ReturnType<typeof make>;
  #file: { readonly filename: string | undefined } | undefined;
  #pieces: Uint8Array[] = [];
  #fault: AppError | undefined;
  #isComplete = false;

  constructor(contentType: string, maxBytes: number) {
    this.#parser = make({
      headers: { "content-type": contentType },
      maxParts,
      maxTotalSize: maxBytes,
      maxFieldSize: maxFieldBytes,
      isFile: (info) => namesOf(info).name === "file",
      onField: (info, value) => void this.#fields.set(namesOf(info).name, decodeField(info, value)),
      onFile: (info) => {
        if (this.#file !== undefined) this.#fault ??= invalid("Give one file.", "file");
        this.#file = { filename: namesOf(info).filename };
        return (piece) => {
          if (piece !== null) this.#pieces.push(piece);
        };
      },
      onError: (error) => {
        this.#fault ??= faultOf(error);
      },
      onDone: () => {
        this.#isComplete = true;
      },
    });
  }

  /** What the bytes bring of the file. */
  read(bytes: Uint8Array): readonly Uint8Array[] {
    try {
      this.#parser.write(bytes);
    } catch (cause) {
      // A file name whose escapes are no UTF-8.
      throw invalid("The body is not well-formed multipart/form-data.", undefined, cause);
    }
    if (this.#fault !== undefined) throw this.#fault;
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  end(): Form {
    if (!this.#isComplete) throw invalid("The body ends before its last boundary.");
    if (this.#file === undefined) {
      throw new AppError("missing_required_parameter", {
        param: "file",
        publicText: "Missing required parameter: 'file'.",
      });
    }
    return { fields: this.#fields, filename: this.#file.filename };
  }
}

function faultOf(error: MultipartError): AppError {
  if (error._tag === "ReachedLimit" && error.limit === "MaxTotalSize") return new AppError("request_too_large");
  return invalid("The body is not well-formed multipart/form-data, or has too many or too long fields.");
}

function invalid(publicText: string, param?: string, cause?: unknown): AppError {
  return new AppError("invalid_value", { publicText, cause, ...(param !== undefined && { param }) });
}

/** Throws `request_timeout` when the body has not arrived in time, and whatever broke it off. */
async function* piecesOf(body: ReadableStream<Uint8Array>, timeoutMs: number): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    // Ends the pending read.
    void reader.cancel().catch(() => undefined);
  }, timeoutMs);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) throw new AppError("request_timeout");
      if (done) return;
      yield value;
    }
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
}
