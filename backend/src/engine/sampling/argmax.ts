/** Logits looked at together: most groups hold no new largest, and are done with after one comparison each. */
const GROUP = 8;

/**
 * The id of the largest logit; of equal ones the lowest.
 *
 * @throws when the row holds a NaN or its largest value is not finite: the forward pass that made it is broken.
 */
export function argmax(logits: Float32Array): number {
  let best = -Infinity;
  let bestId = -1;
  for (let start = 0; start < logits.length; start += GROUP) {
    if (areAtMost(best, logits, start)) continue;
    const end = Math.min(start + GROUP, logits.length);
    for (let id = start; id < end; id += 1) {
      const logit = logits[id] ?? NaN;
      // Neither comparison holds for NaN, so it gets past this line.
      if (logit <= best) continue;
      if (Number.isNaN(logit)) throw new Error(`logit of token ${id} is NaN`);
      best = logit;
      bestId = id;
    }
  }
  if (!Number.isFinite(best)) throw new Error(`largest logit is ${best}`);
  return bestId;
}

/** Whether the group from `start` on has no logit above `best`, and no NaN. False past the end of the row. */
function areAtMost(best: number, logits: Float32Array, start: number): boolean {
  return (
    (logits[start] ?? NaN) <= best &&
    (logits[start + 1] ?? NaN) <= best &&
    (logits[start + 2] ?? NaN) <= best &&
    (logits[start + 3] ?? NaN) <= best &&
    (logits[start + 4] ?? NaN) <= best &&
    (logits[start + 5] ?? NaN) <= best &&
    (logits[start + 6] ?? NaN) <= best &&
    (logits[start + 7] ?? NaN) <= best
  );
}
