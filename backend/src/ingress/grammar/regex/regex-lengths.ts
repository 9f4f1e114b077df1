import type { RegexNode } from "./regex-node.ts";

export interface Lengths {
  readonly min: number;
  /** Infinity when there is no bound. */
  readonly max: number;
}

/** How long the texts are that a pattern matches, in characters. */
export function regexLengths(node: RegexNode): Lengths {
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
