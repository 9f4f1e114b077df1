import { expect, test } from "vitest";
import { callerCoordinates } from "./caller-coordinates.ts";

test.each([
  { cf: { latitude: "52.37", longitude: "-4.9" }, place: { latitude: 52.37, longitude: -4.9 } },
  { cf: { latitude: "0", longitude: "0" }, place: { latitude: 0, longitude: 0 } },
  { cf: {}, place: undefined },
  { cf: { latitude: "52.37" }, place: undefined },
  { cf: { latitude: "", longitude: "" }, place: undefined },
  { cf: { latitude: "north", longitude: "4.9" }, place: undefined },
  { cf: { latitude: "91", longitude: "4.9" }, place: undefined },
])("$cf is $place", ({ cf, place }) => {
  expect(callerCoordinates(new Request("http://edge.test", { cf }))).toEqual(place);
});
