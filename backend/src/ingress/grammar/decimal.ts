/** `digits` divided by 10 to the power of `numDecimals`. */
export interface Decimal {
  readonly digits: bigint;
  readonly numDecimals: number;
}

/** What a number's shortest decimal text says, exactly. @param value finite. */
export function decimalOf(value: number): Decimal {
  const [mantissa = "", exponent = "0"] = value.toString().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const digits = BigInt(whole + fraction);
  const numDecimals = fraction.length - Number(exponent);
  return numDecimals >= 0 ? { digits, numDecimals } : { digits: digits * 10n ** BigInt(-numDecimals), numDecimals: 0 };
}
