import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { ObjectStore } from "./object-store.ts";

/** R2 of which every operation does as told. */
function bucketThat(behave: () => Promise<never>): R2Bucket {
  return new Proxy(env.FILES, {
    get: (_, property) => (property === "resumeMultipartUpload" ? () => ({ abort: behave }) : behave),
  });
}

async function never(): Promise<never> {
  return new Promise(() => undefined);
}

const operations: Readonly<Record<string, (objects: ObjectStore) => Promise<unknown>>> = {
  get: async (objects) => objects.get("key"),
  put: async (objects) => objects.put("key", new Uint8Array()),
  putInParts: async (objects) => objects.putInParts("key"),
  abort: async (objects) => objects.abort("key", "upload"),
  delete: async (objects) => objects.delete("key"),
};

test.each(Object.entries(operations))("%s is given up when R2 is silent, or fails", async (_, operate) => {
  const silent = new ObjectStore(bucketThat(never), 20);
  await expect(operate(silent)).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 1_000 });
  const failing = new ObjectStore(
    bucketThat(async () => Promise.reject(new Error("internal"))),
    20,
  );
  await expect(operate(failing)).rejects.toMatchObject({ code: "unavailable" });
});

test("parts that R2 does not take, and a completion that it does not answer, are given up", async () => {
  const bucket = new Proxy(env.FILES, {
    get: () => async () => ({ uploadId: "upload", uploadPart: never, complete: never }),
  });
  const upload = await new ObjectStore(bucket, 20).putInParts("key");
  await expect(upload.putPart(1, new Uint8Array())).rejects.toMatchObject({ code: "unavailable" });
  await expect(upload.complete([])).rejects.toMatchObject({ code: "unavailable" });
});

test("what was put is there, and what was deleted is not", async () => {
  const objects = new ObjectStore(env.FILES, 5_000);
  await objects.put("object-store-test", new Uint8Array([1, 2, 3]));
  expect(await (await objects.get("object-store-test", { offset: 1, length: 1 }))?.arrayBuffer()).toEqual(
    new Uint8Array([2]).buffer,
  );
  await objects.delete("object-store-test");
  expect(await objects.get("object-store-test")).toBeUndefined();
});
