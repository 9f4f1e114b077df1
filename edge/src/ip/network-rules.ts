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

  /** Without lists from everywhere, also from an address that is not known; with an allowlist only from one of it. */
  mayEnter(ip: string | undefined): boolean {
    if (this.#allowlist !== undefined && (ip === undefined || !this.#allowlist.has(ip))) return false;
    return ip === undefined || !this.#denylist.has(ip);
  }
}
