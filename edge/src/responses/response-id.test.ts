import { expect, test } from "vitest";
import { placeOfResponse, responseIdOf, statePlace } from "./response-id.ts";

const requestId = "req_0123456789abcdefghjkmnpqrstvwxyz";

test.each([
  { jurisdictions: undefined, kind: "anywhere" },
  { jurisdictions: ["jp", "eu"], kind: "jurisdiction" },
  { jurisdictions: ["jp"], kind: "nowhere" },
  { jurisdictions: [], kind: "nowhere" },
])("state of a credential bound to $jurisdictions lies: $kind", ({ jurisdictions, kind }) => {
  expect(statePlace({ jurisdictions }, ["eu"]).kind).toBe(kind);
});

test("an id leads back to its place", () => {
  for (const place of [{ kind: "anywhere" }, { kind: "jurisdiction", name: "eu" }] as const) {
    expect(placeOfResponse(responseIdOf(requestId, place), ["eu"])).toEqual(place);
  }
});

test.each([
  "resp_",
  "resp_1",
  `resp_${"a".repeat(33)}`,
  `resp_mars_${"0".repeat(32)}`,
  `msg_${"0".repeat(32)}`,
  "../x",
])("%s is no id of ours", (id) => {
  expect(placeOfResponse(id, ["eu"])).toBeUndefined();
});
