import type { RegexNode } from "./regex-node.ts";

interface Lengths {
  readonly min: number;
  /** Infinity when there is no bound. */
  readonly max: number;
}

/** How long the texts are that a pattern matches, in characters. */
function regexLengths(node: RegexNode): Lengths {
  switch (node.kind) {
    case "chars":
      return { min: 1, max: 1 };
    case "sequence":
      return node.parts.map(regexLengths).reduce((a, b) => ({ min: a.min + b.min, max: a.max + b.max }), none);
    case "choice":
      return node.choices
        .map(regexLengths)
        .reduce((a, b) => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }));
    case "repeat": {
      const part = regexLengths(node.part);
      return { min: part.min * node.min, max: part.max === 0 ? 0 : part.max * node.max };
    }
    case "start":
    case "end":
      return none;
  }
}

const none: Lengths = { min: 0, max: 0 };

/**
 * The pattern's texts of `min` to `max` characters, as a pattern. That is easy where at most one part varies in length,
 * and each of its repetitions is one character; undefined where it is not, or where nothing is left.
 */
export function limitLength(node: RegexNode, min: number, max: number): RegexNode | undefined {
  const lengths = regexLengths(node);
  if (lengths.min >= min && lengths.max <= max) return node;
  if (node.kind === "sequence") {
    const parts = node.parts.map(regexLengths);
    const varying = parts.flatMap((part, index) => (part.min === part.max ? [] : [index]));
    const [index = 0] = varying;
    const target = node.parts[index];
    if (varying.length !== 1 || target === undefined) return undefined;
    const fixed = parts.reduce((sum, part, other) => (other === index ? sum : sum + part.min), 0);
    const limited = limitLength(target, min - fixed, max - fixed);
    return limited && { kind: "sequence", parts: node.parts.with(index, limited) };
  }
  if (node.kind !== "repeat" || node.part.kind !== "chars") return undefined;
  const clamped = { ...node, min: Math.max(node.min, min), max: Math.min(node.max, max) };
  return clamped.min <= clamped.max ? clamped : undefined;
}
