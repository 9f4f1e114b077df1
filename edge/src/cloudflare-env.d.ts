// Gives `env` of cloudflare:workers, which only tests read, the type of our bindings.
declare namespace Cloudflare {
  interface Env extends Readonly<import("#edge/bindings.ts").Bindings> {}
}
