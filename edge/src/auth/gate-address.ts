// Which Durable Object admits a request: told from the key's id and where the request came in, without asking anybody.
import { isLeasedKeyId } from "./api-key.ts";
import type { ContinentGate } from "./leased/continent-gate.ts";
import { hintOf, type Place } from "./leased/place.ts";
import type { KeyGate } from "./key-gate.ts";

/** In the name of a gate on a continent; no key's id has it. */
const placeMark = "@";

export interface GateAddress {
  readonly keyId: string;
  /** Absent: the key's home is asked, which can say who may enter, and of a leased key no more. */
  readonly place?: Place;
}

/** How a request of the gate's ended. */
export interface GateSettlement {
  readonly requestId: string;
  /** By the engine's count. Absent: nobody can tell, and it counts as reserved. */
  readonly usedTokens: number | undefined;
}

export interface GateNamespaces {
  readonly homes: DurableObjectNamespace<KeyGate>;
  readonly continents: DurableObjectNamespace<ContinentGate>;
}

/** What both kinds of gates can be asked. */
export type AdmittingGate = DurableObjectStub<KeyGate> | DurableObjectStub<ContinentGate>;

export function gateAt({ keyId, place }: GateAddress, { homes, continents }: GateNamespaces): AdmittingGate {
  if (place === undefined || !isLeasedKeyId(keyId)) return homes.getByName(keyId);
  return continents.getByName(keyId + placeMark + place, hintOf(place));
}

/** The key's id in the name of a gate. */
export function keyOfGate(gateName: string): string {
  const [keyId = gateName] = gateName.split(placeMark);
  return keyId;
}

/** Of a gate among those that a ledger serves. */
export function isContinentGateName(gateName: string): boolean {
  return gateName.includes(placeMark);
}
