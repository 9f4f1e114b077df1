// An outbox that sends nothing.
import { UsageOutbox as Outbox } from "../../../src/ledger/usage-outbox.ts";

export class UsageOutbox extends Outbox {
  override async post(): Promise<void> {
    // What was counted is counted; the bench reads no ledger.
  }
}
