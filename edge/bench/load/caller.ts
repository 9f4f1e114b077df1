// One caller on one connection, over a bare socket with as much of HTTP/1.1 as the answers need, so that the load costs little
// next to what is measured. It sends again when it has been answered.
import { connect, type Socket } from "node:net";

export interface Answer {
  /** Until the answer's end, or until the caller left. */
  readonly latencyMs: number;
  /** Until the first chunk; absent when there was none. */
  readonly firstChunkMs: number | undefined;
  /** From the region's write to this process's read, of each chunk. */
  readonly chunkMs: readonly number[];
}

export interface CallerOptions {
  readonly host: string;
  readonly port: number;
  readonly request: string;
  /** Leaves in the middle of a stream, after so many chunks. Absent: stays. */
  readonly leaveAfterChunks: number | undefined;
  readonly onAnswer: (answer: Answer) => void;
  /** An answer that was not 200, or a connection that broke. */
  readonly onError: (what: string) => void;
}

const stampStart = '"@';
const bodyEnd = "0\r\n\r\n";

export class Caller {
  readonly #options: CallerOptions;
  #socket: Socket | undefined;
  #stopping = false;
  #unread = "";
  #sentAtMs = 0;
  #firstChunkMs: number | undefined;
  #chunkMs: number[] = [];
  /** Absent until the head has been read. */
  #head: { readonly status: number; readonly numBytes: number | undefined } | undefined;
  readonly #ended = Promise.withResolvers<void>();

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Lets the answer under way end, and sends no more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    return this.#ended.promise;
  }

  #connect(): void {
    const socket = connect({ host: this.#options.host, port: this.#options.port, noDelay: true });
    this.#socket = socket;
    let failure = "closed";
    socket.on("connect", () => this.#send());
    socket.on("data", (data) => this.#read(data.toString("latin1")));
    socket.on("error", (error) => (failure = error.message));
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#options.onError(failure);
      this.#again();
    });
  }

  #send(): void {
    this.#unread = "";
    this.#head = undefined;
    this.#firstChunkMs = undefined;
    this.#chunkMs = [];
    this.#sentAtMs = performance.now();
    this.#socket?.write(this.#options.request);
  }

  #read(text: string): void {
    this.#unread += text;
    if (this.#head === undefined && !this.#readHead()) return;
    this.#readStamps();
    const { leaveAfterChunks } = this.#options;
    if (leaveAfterChunks !== undefined && this.#chunkMs.length >= leaveAfterChunks) return this.#finish(true);
    const numBytes = this.#head?.numBytes;
    const hasEnded = numBytes === undefined ? this.#unread.endsWith(bodyEnd) : this.#unread.length >= numBytes;
    if (hasEnded) this.#finish(false);
  }

  #readHead(): boolean {
    const end = this.#unread.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const head = this.#unread.slice(0, end);
    this.#unread = this.#unread.slice(end + 4);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#head = { status: Number(head.slice(9, 12)), numBytes: length === undefined ? undefined : Number(length) };
    return true;
  }

  /** Reads the chunks' times of sending, and drops what it has read of a body that ends by itself. */
  #readStamps(): void {
    if (this.#head?.numBytes !== undefined) return;
    const nowNs = process.hrtime.bigint();
    let from = 0;
    for (;;) {
      const start = this.#unread.indexOf(stampStart, from);
      const end = start < 0 ? -1 : this.#unread.indexOf("@", start + stampStart.length);
      if (end < 0) break;
      from = end + 1;
      // A transfer chunk may end inside the stamp; its frame is no part of it.
      const stamp = this.#unread.slice(start + stampStart.length, end).replace(/\r\n[0-9a-f]+\r\n/i, "");
      this.#firstChunkMs ??= performance.now() - this.#sentAtMs;
      this.#chunkMs.push(Number(nowNs - BigInt(stamp)) / 1e6);
    }
    this.#unread = this.#unread.slice(from);
  }

  #finish(isLeaving: boolean): void {
    const latencyMs = performance.now() - this.#sentAtMs;
    if (this.#head?.status === 200) {
      this.#options.onAnswer({ latencyMs, firstChunkMs: this.#firstChunkMs, chunkMs: this.#chunkMs });
    } else this.#options.onError(`status ${this.#head?.status}`);
    if (isLeaving) this.#hangUp();
    if (isLeaving || this.#stopping) this.#again();
    else this.#send();
  }

  #again(): void {
    if (this.#stopping) {
      this.#hangUp();
      this.#ended.resolve();
    } else setTimeout(() => this.#connect(), 1);
  }

  #hangUp(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}
