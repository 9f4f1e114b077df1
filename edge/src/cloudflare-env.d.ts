// Gives `env` of cloudflare:workers, which only tests read, the type of our bindings.
import type { Bindings } from "#edge/bindings.ts";

declare global {
  namespace Cloudflare {
    interface Env extends Bindings {}
  }
}
