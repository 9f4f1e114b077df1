/**
 * The id of the largest logit; of equal ones the lowest.
 *
 * @throws when the row holds a NaN or its largest value is not finite: the forward pass that made it is broken.
 */
export function argmax(logits: Float32Array): number {
  let best = -Infinity;
  let bestId = -1;
  for (let id = 0; id < logits.length; id += 1) {
    const logit = logits[id] ?? NaN;
    // Neither comparison holds for NaN, so it gets past this line.
    if (logit <= best) continue;
    if (Number.isNaN(logit)) throw new Error(`logit of token ${id} is NaN`);
    best = logit;
    bestId = id;
  }
  if (!Number.isFinite(best)) throw new Error(`largest logit is ${best}`);
  return bestId;
}
