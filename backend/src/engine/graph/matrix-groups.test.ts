import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import type { QuantizedPrecision } from "./linear.ts";
import { fusedMatrices, rowMultiples } from "./matrix-groups.ts";
import type { RowNumbers } from "./quantize-rows.ts";

const configFile = new URL("../../../test-data/golden/grouped-tied/config.json", import.meta.url);
const config = parseConfig(JSON.parse(await readFile(configFile, "utf8")));

test("a row alone is padded where its products are not exact, and nowhere else", () => {
  const multiplesAt = (precision: QuantizedPrecision, exactNumbers: RowNumbers | undefined) =>
    rowMultiples(config, fusedMatrices(config, precision, exactNumbers));
  expect(multiplesAt("int8", "uint8")).toEqual({ tokens: 1, logits: 1 });
  expect(multiplesAt("int4", "int8")).toEqual({ tokens: 2, logits: 1 });
  expect(multiplesAt("int8", undefined)).toEqual({ tokens: 2, logits: 2 });
  expect(rowMultiples(config, [])).toEqual({ tokens: 2, logits: 2 });
});
