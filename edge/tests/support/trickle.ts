// A request whose body arrives in two parts, with as long between them as a test wants.
import { connect } from "node:net";
import { text } from "node:stream/consumers";

export interface Trickle {
  /** Sends what is left of the body. The status and what follows the head. */
  finish(): Promise<{ readonly status: number; readonly body: string }>;
}

/** Sends the head and half of the body of a `POST`. */
export async function trickle(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<Trickle> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  await new Promise((settle) => socket.once("connect", settle));
  const head = { host: hostname, connection: "close", "content-length": String(body.length), ...headers };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  const half = Math.floor(body.length / 2);
  socket.write(`POST ${pathname} HTTP/1.1\r\n${lines.join("")}\r\n${body.slice(0, half)}`);
  return {
    finish: async () => {
      socket.write(body.slice(half));
      const answer = await text(socket);
      const [top = "", ...rest] = answer.split("\r\n\r\n");
      return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(top)?.[1]), body: rest.join("\r\n\r\n") };
    },
  };
}
