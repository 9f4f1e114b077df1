// Gates that grant without asking, and hear nothing.
import { KeyGates as Gates } from "./admission-hop.ts";

export class KeyGates extends Gates {
  override async settle(): Promise<void> {
    // What was reserved stays so; the bench reaches no limit.
  }
}
