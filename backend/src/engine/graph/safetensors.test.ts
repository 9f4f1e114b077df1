import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSafetensorsHeader } from "./safetensors.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";

function fileOf(header: unknown, dataBytes: number, headerBytes?: bigint): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(headerBytes ?? BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

async function read(bytes: Uint8Array) {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "some.safetensors");
  await writeFile(path, bytes);
  return await readSafetensorsHeader(path);
}

const tensor = (dtype: string, shape: readonly number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test("tells where each tensor lies, whatever the metadata", async () => {
  const header = { __metadata__: { format: "pt" }, w: tensor("BF16", [2, 3], 4, 16), b: tensor("F32", [], 0, 4) };
  const dataStart = 8 + JSON.stringify(header).length;
  expect([...(await read(fileOf(header, 16)))]).toEqual([
    ["w", { dtype: "BF16", shape: [2, 3], offsetBytes: dataStart + 4, lengthBytes: 12 }],
    ["b", { dtype: "F32", shape: [], offsetBytes: dataStart, lengthBytes: 4 }],
  ]);
});

test.each([
  ["an empty file", new Uint8Array(0), "too short"],
  ["a header longer than the file", fileOf({}, 0, 1000n), "does not fit"],
  ["a header of absurd length", fileOf({}, 0, 2n ** 63n), "does not fit"],
  ["a header that is not JSON", fileOf("{oops", 0), "malformed"],
  ["a header that is a list", fileOf([1], 0), "malformed"],
  ["a tensor past the end", fileOf({ w: tensor("F32", [4], 8, 24) }, 16), "download it again"],
  [
    "tensors that overlap",
    fileOf({ w: tensor("F32", [4], 0, 16), v: tensor("F32", [2], 12, 20) }, 20),
    "v overlaps another tensor",
  ],
  ["a tensor of another size than its shape", fileOf({ w: tensor("F32", [4], 0, 12) }, 16), "spans bytes 0 to 12"],
  ["offsets in the wrong order", fileOf({ w: tensor("F32", [4], 16, 0) }, 16), "spans bytes 16 to 0"],
  ["a negative offset", fileOf({ w: tensor("F32", [4], -16, 0) }, 16), "malformed"],
  ["an unknown dtype", fileOf({ w: tensor("F8_E4M3", [4], 0, 4) }, 16), "unsupported dtype F8_E4M3"],
])("refuses %s", async (_, bytes, message) => {
  await expect(read(bytes)).rejects.toThrow(message);
});
