/** Where engines are: at one address, or wherever a name's records point. */
export type EngineSource =
  | { readonly kind: "fixed"; readonly address: string }
  | { readonly kind: "dns"; readonly name: string; readonly port: number };

const address = /^(?:[^\s:/[\]]+|\[[0-9a-f:]+\]):\d{1,5}$/i;
const dns = /^dns:(?<name>[a-z0-9._-]+):(?<port>\d{1,5})$/i;

/** Out of `host:port`, `[v6]:port` or `dns:name:port`; absent when it is none of these. */
export function parseEngineSource(text: string): EngineSource | undefined {
  const { name, port } = dns.exec(text)?.groups ?? {};
  if (name !== undefined && port !== undefined) return { kind: "dns", name, port: Number(port) };
  return address.test(text) ? { kind: "fixed", address: text } : undefined;
}
