// All gates, seen from a Worker: finds a key's gate, bounds the wait, and translates the platform's failures.
import { AppError } from "@sluice/shared/errors.ts";
import { answerWithin, waitAtMost } from "#edge/deadline.ts";
import type { NetworkView } from "#edge/networks/network-view.ts";
import type { Admission, AdmissionQuestion, Raise } from "./admission.ts";
import {
  type AdmittingGate,
  type GateAddress,
  type GateSettlement,
  gateAt,
  type GateNamespaces,
} from "./gate-address.ts";
import type { KeyDescription, KeyGate } from "./key-gate.ts";
import type { KeyChange, Rotation } from "./key-revision.ts";
import type { KeyRecord } from "./key-record.ts";

const retryAfterMs = 1_000;

/** How many times the wait for a gate we listen for an answer in all; after that its lease's deadline must do. */
const lateFactor = 3;

export interface KeyGatesParts extends GateNamespaces {
  /** Knows from where projects and organizations may be used. */
  readonly networks: Pick<NetworkView, "barredFrom">;
}

/** Every method throws `unavailable` when the gate does not answer: a key nobody can vouch for is not admitted. */
export class KeyGates {
  readonly #namespaces: GateNamespaces;
  readonly #networks: KeyGatesParts["networks"];
  readonly #timeoutMs: number;

  constructor({ networks, ...namespaces }: KeyGatesParts, timeoutMs: number) {
    this.#namespaces = namespaces;
    this.#networks = networks;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * An admission that comes too late is taken back: nobody will ever settle it. `waitUntil` carries that.
   */
  async admit(
    address: GateAddress,
    question: AdmissionQuestion,
    waitUntil: (work: Promise<void>) => void,
  ): Promise<Admission> {
    const gate = gateAt(address, this.#namespaces);
    const barredFrom = await this.#networks.barredFrom(question.ip, waitUntil);
    const asked = gate.admit({ ...question, barredFrom });
    const takeBack = async (): Promise<void> => {
      const admission = await asked;
      if (admission.kind === "admitted" && admission.isLeased)
        await gate.settle([{ requestId: question.requestId, usedTokens: 0 }]);
    };
    const late = async () => {
      const listenMs = this.#timeoutMs * (lateFactor - 1);
      await waitAtMost(listenMs, takeBack(), () => undefined).catch(() => undefined);
    };
    const answer = this.#await<Admission>(asked);
    waitUntil(answer.then(() => undefined, late));
    return answer;
  }

  /** Absent when the request is not under way any more. */
  async raise(address: GateAddress, requestId: string, tokens: number): Promise<Raise | undefined> {
    return this.#askAt(address, async (gate) => gate.raise(requestId, tokens));
  }

  /** Ends reservations; those that are not under way are passed over, so that repeating it is safe. */
  async settle(address: GateAddress, settlements: readonly GateSettlement[]): Promise<void> {
    await this.#askAt<readonly boolean[]>(address, async (gate) => gate.settle(settlements));
  }

  /** Absent when there is no such key in that project. */
  async describe(keyId: string, projectId: string): Promise<KeyDescription | undefined> {
    return this.#ask(keyId, async (gate) => gate.describe(projectId));
  }

  /** When the key was last let in. Absent: never, or its gate does not answer. */
  async lastUsedAtMs(keyId: string, projectId: string): Promise<number | undefined> {
    return this.#ask(keyId, async (gate) => gate.lastUsedAtMs(projectId)).catch(() => undefined);
  }

  /** False when there is no such key in that project. */
  async change(keyId: string, projectId: string, change: KeyChange): Promise<boolean> {
    return this.#ask(keyId, async (gate) => gate.change(projectId, change));
  }

  /** Absent when there is no such key in that project. */
  async rotate(keyId: string, projectId: string, rotation: Rotation): Promise<"rotated" | "revoked" | undefined> {
    return this.#ask(keyId, async (gate) => gate.rotate(projectId, rotation));
  }

  async provision(record: KeyRecord): Promise<void> {
    return this.#ask(record.keyId, async (gate) => gate.provision(record));
  }

  /** False when there is no such key in that project. */
  async revoke(keyId: string, projectId: string): Promise<boolean> {
    return this.#ask(keyId, async (gate) => gate.revoke(projectId));
  }

  async discard(keyId: string): Promise<void> {
    return this.#ask(keyId, async (gate) => gate.discard());
  }

  /** The key's one gate, or a leased key's home. */
  async #ask<Value>(keyId: string, call: (gate: DurableObjectStub<KeyGate>) => Promise<Value>): Promise<Value> {
    return this.#await(call(this.#namespaces.homes.getByName(keyId)));
  }

  async #askAt<Value>(address: GateAddress, call: (gate: AdmittingGate) => Promise<Value>): Promise<Value> {
    return this.#await(call(gateAt(address, this.#namespaces)));
  }

  async #await<Value>(answer: Promise<Value>): Promise<Value> {
    return answerWithin(this.#timeoutMs, answer, unanswered);
  }
}

function unanswered(cause?: unknown): AppError {
  const detail = cause === undefined ? "the key gate did not answer in time" : "the key gate failed";
  const publicText = "The key could not be checked at the moment.";
  return new AppError("unavailable", { publicText, detail, retryAfterMs, cause });
}
