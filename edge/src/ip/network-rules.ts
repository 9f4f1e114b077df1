import { type IpAddress, parseAddress } from "./address.ts";
import { AddressSet } from "./address-set.ts";

export interface NetworkLists {
  /** Networks from which one may enter. Absent: from everywhere. */
  readonly allowlist?: readonly string[] | undefined;
  /** Networks from which one may not, whatever the allowlist says. */
  readonly denylist?: readonly string[] | undefined;
}

/** From where one may enter, made ready to be asked: a list of ten thousand networks is parsed once. */
export class NetworkRules {
  readonly #allowlist: AddressSet | undefined;
  readonly #denylist: AddressSet;

  /** @throws RangeError when an entry is no network: check with `parseCidr` first what comes from outside. */
  constructor({ allowlist, denylist = [] }: NetworkLists) {
    this.#allowlist = allowlist && new AddressSet(allowlist);
    this.#denylist = new AddressSet(denylist);
  }

  /**
   * Without lists from everywhere, also from an address that is not known; with an allowlist only from one of it. What is no address
   * is one that is not known.
   */
  mayEnter(ip: string | undefined): boolean {
    // Most lists are empty, and to read an address is a sixth of what a gate does for an admission.
    if (this.#allowlist === undefined && this.#denylist.isEmpty) return true;
    return this.mayEnterFrom(ip === undefined ? undefined : parseAddress(ip));
  }

  /** As `mayEnter`, for an address that many are asked about. */
  mayEnterFrom(address: IpAddress | undefined): boolean {
    if (address === undefined) return this.#allowlist === undefined;
    return (this.#allowlist?.has(address) ?? true) && !this.#denylist.has(address);
  }
}
