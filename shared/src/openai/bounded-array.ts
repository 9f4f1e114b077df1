import * as z from "zod/mini";

/**
 * An array of `min` to `max` items whose length is checked before its items: a schema that looks at the items first
 * makes one issue for each of a million wrong ones.
 */
export function boundedArray<Item extends z.core.SomeType>(item: Item, min: number, max: number) {
  return z.pipe(z.array(z.unknown()).check(z.minLength(min), z.maxLength(max)), z.array(item));
}
