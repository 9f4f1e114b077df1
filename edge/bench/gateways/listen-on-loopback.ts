// For `node --import`: every server of the process listens on the loopback address.
import net from "node:net";

// oxlint-disable-next-line typescript/unbound-method -- it is called with the server it is asked of
const listen = net.Server.prototype.listen as (this: net.Server, ...args: unknown[]) => net.Server;

net.Server.prototype.listen = function listenOnLoopback(this: net.Server, ...args: unknown[]): net.Server {
  const [first, second, ...rest] = args;
  if (typeof first === "number") {
    const after = typeof second === "string" ? rest : [second, ...rest];
    return listen.call(this, first, "127.0.0.1", ...after);
  }
  if (typeof first === "object" && first !== null && "port" in first) {
    return listen.call(this, { ...first, host: "127.0.0.1" }, ...args.slice(1));
  }
  return listen.apply(this, args);
};
