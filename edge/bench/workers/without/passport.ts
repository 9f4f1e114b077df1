// Passports that nobody signed.
export * from "../../../../shared/src/passport.ts";

// oxlint-disable-next-line import/export -- takes the place of the other
export async function signPassport(): Promise<string> {
  return "unsigned";
}
