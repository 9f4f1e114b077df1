// The formats that are enforced, as patterns of the whole text. Each takes a part of what the format allows, never more:
// 29 February is left out, since whether it exists depends on the year. Sources: RFC 3339, 5321, 1123, 4291, 9562, 3986.

const octet = "(25[0-5]|2[0-4]\\d|1\\d{2}|[1-9]?\\d)";
const hextet = "[0-9a-fA-F]{1,4}";
const day = {
  of31: "(0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])",
  of30: "(0[469]|11)-(0[1-9]|[12]\\d|30)",
  of28: "02-(0[1-9]|1\\d|2[0-8])",
};
const date = `(19|20)\\d{2}-(${day.of31}|${day.of30}|${day.of28})`;
const time = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
// Few counts: each is a state, and XGrammar makes a mask for it.
const label = "[a-zA-Z0-9](-?[a-zA-Z0-9]){0,15}";
const piece = (chars: string, min: number): string => `[${chars}]{${min},16}`;
const hostname = `${label}(\\.${label}){0,3}`;
const clock = "(\\d{1,4}H(\\d{1,4}M(\\d{1,4}S)?)?|\\d{1,4}M(\\d{1,4}S)?|\\d{1,4}S)";
const ipv6 = [
  `(${hextet}:){7}${hextet}`,
  ...[0, 1, 2, 3, 4, 5].map((before) => {
    const head = before === 0 ? ":" : `(${hextet}:){${before}}`;
    return `${head}(:${hextet}){1,${6 - before}}`;
  }),
  "::",
].join("|");

/** format -> pattern of the whole text. */
export const stringFormats: ReadonlyMap<string, string> = new Map([
  ["date", date],
  ["time", time],
  ["date-time", `${date}T${time}`],
  [
    "duration",
    `P(\\d{1,4}W|\\d{1,4}D(T${clock})?|\\d{1,4}M(\\d{1,4}D)?(T${clock})?|\\d{1,4}Y(\\d{1,4}M(\\d{1,4}D)?)?(T${clock})?|T${clock})`,
  ],
  ["email", `[a-zA-Z0-9_+-]{1,24}(\\.[a-zA-Z0-9_+-]{1,24})?@${label}(\\.${label}){0,2}\\.[a-zA-Z]{2,8}`],
  ["hostname", hostname],
  ["ipv4", `${octet}(\\.${octet}){3}`],
  ["ipv6", ipv6],
  ["uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"],
  // Pieces are short, since a small model does not come to an end by itself; there may be any number of them.
  [
    "uri",
    `https?://${piece("a-zA-Z0-9", 1)}([.-]${piece("a-zA-Z0-9", 1)})*(:[1-9]\\d{1,3})?(/${piece("a-zA-Z0-9._~-", 0)})*(\\?${piece("a-zA-Z0-9._~-", 0)}([=&]${piece("a-zA-Z0-9._~-", 0)})*)?(#${piece("a-zA-Z0-9._~-", 0)})?`,
  ],
]);
