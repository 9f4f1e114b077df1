import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { StopStrings } from "./stop-strings.ts";

/** Cuts `text` at `cuts` and joins what comes out. */
function scan(stops: readonly string[], text: string, cuts: readonly number[]): { output: string; stopped: boolean } {
  const scanner = new StopStrings(stops);
  const edges = [0, ...cuts.filter((cut) => cut < text.length).toSorted((a, b) => a - b), text.length];
  let output = "";
  for (let i = 0; i + 1 < edges.length; i++) {
    const found = scanner.push(text.slice(edges[i], edges[i + 1]));
    output += found.text;
    if (found.stopped) return { output, stopped: true };
  }
  return { output: output + scanner.flush(), stopped: false };
}

/** The same by looking at every prefix of the text. */
function scanNaively(stops: readonly string[], text: string): { output: string; stopped: boolean } {
  for (let end = 1; end <= text.length; end++) {
    const done = stops.filter((stop) => text.slice(0, end).endsWith(stop)).map((stop) => stop.length);
    if (done.length > 0) return { output: text.slice(0, end - Math.max(...done)), stopped: true };
  }
  return { output: text, stopped: false };
}

test("finds what a look at every prefix finds, wherever the text is cut", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 5 });
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 40 });
  const cuts = fc.array(fc.nat({ max: 40 }), { maxLength: 10 });
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 4 }), text, cuts, (stops, whole, at) => {
      expect(scan(stops, whole, at)).toEqual(scanNaively(stops, whole));
    }),
    { numRuns: 3000 },
  );
});

test("holds back only what could still become a stop string", () => {
  const scanner = new StopStrings(["<end>"]);
  expect(scanner.push("a<e").text).toBe("a");
  expect(scanner.push("x<").text).toBe("<ex");
  expect(scanner.push("end").text).toBe("");
  expect(scanner.push(">tail")).toEqual({ text: "", stopped: true });
});

test("nothing is held without stop strings", () => {
  expect(new StopStrings([]).push("<end")).toEqual({ text: "<end", stopped: false });
});

test("what was held is part of an output that ends otherwise", () => {
  const scanner = new StopStrings(["abc"]);
  expect(scanner.push("xab").text).toBe("x");
  expect(scanner.flush()).toBe("ab");
});

test("a text that almost matches again and again is compared with the stop string a few times a character", () => {
  const looked = vi.spyOn(String.prototype, "charCodeAt");
  const scanner = new StopStrings([`${"a".repeat(100)}b`]);
  for (let i = 0; i < 100; i++) scanner.push("a".repeat(100));
  const numLooks = looked.mock.calls.length;
  looked.mockRestore();
  expect(numLooks).toBeGreaterThan(100 * 100);
  expect(numLooks).toBeLessThan(6 * 100 * 100);
});
