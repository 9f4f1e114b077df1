import { expect, test } from "vitest";
import { CompileQueue } from "./compile-queue.ts";

interface Named {
  readonly name: string;
  readonly tenant: string;
  readonly priority: number;
}

function named(name: string, priority = 0): Named {
  return { name, tenant: name.slice(0, 1), priority };
}

function takeAll(queue: CompileQueue<Named>): string[] {
  const names: string[] = [];
  for (let each = queue.take(); each !== undefined; each = queue.take()) names.push(each.name);
  return names;
}

test("tenants take turns, each in the order of its own", () => {
  const queue = new CompileQueue<Named>(10);
  for (const name of ["a1", "a2", "a3", "a4", "b1", "c1", "b2"]) queue.add(named(name));
  expect(takeAll(queue)).toEqual(["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
  expect(queue.size).toBe(0);
});

test("priority comes before turns", () => {
  const queue = new CompileQueue<Named>(10);
  for (const each of [named("a1", 1), named("a2"), named("b1"), named("c1", -1)]) queue.add(each);
  expect(takeAll(queue)).toEqual(["c1", "a2", "b1", "a1"]);
});

test("a full queue gives a place of who has most to who has less than its share", () => {
  const queue = new CompileQueue<Named>(4);
  for (const name of ["a1", "a2", "a3", "a4"]) queue.add(named(name));
  expect(queue.add(named("a5"))).toMatchObject({ kind: "full" });
  expect(queue.add(named("b1"))).toMatchObject({ kind: "room", displaced: [{ name: "a4" }] });
  expect(queue.add(named("b2"))).toMatchObject({ kind: "room", displaced: [{ name: "a3" }] });
  expect(queue.add(named("b3"))).toMatchObject({ kind: "over_share" });
  expect(takeAll(queue)).toEqual(["a1", "b1", "a2", "b2"]);
});

test("what was removed does not come, and can be removed once", () => {
  const queue = new CompileQueue<Named>(4);
  const [first, second] = [named("a1"), named("a2")];
  queue.add(first);
  queue.add(second);
  expect(queue.remove(first)).toBe(true);
  expect(queue.remove(first)).toBe(false);
  expect(queue.size).toBe(1);
  expect(queue.take()).toBe(second);
  expect(queue.remove(second)).toBe(false);
});
