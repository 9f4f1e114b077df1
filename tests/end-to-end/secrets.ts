// Prompts that only a model whose attention reads the right KV blocks can answer.

const names = ["Mira", "Tom", "Ada", "Leo", "Nina", "Omar", "Eva", "Paul"] as const;
const words = [
  "river", "candle", "garden", "silver", "window", "forest", "bridge", "planet",
  "rocket", "pepper", "anchor", "basket", "button", "carpet", "copper", "desert",
  "engine", "feather", "hammer", "island", "jacket", "kettle", "ladder", "magnet",
  "needle", "orange", "pencil", "ribbon", "saddle", "temple", "velvet", "wagon",
] as const; // prettier-ignore

export interface SecretPrompt {
  readonly content: string;
  readonly secret: string;
}

/** The `index`-th of 32 prompts; no two have the same secret for the same name in the same place. */
export function secretPrompt(index: number): SecretPrompt {
  const facts = names.map((name, place) => ({ name, word: pick(words, index * 5 + place * 7) }));
  const asked = facts[index % facts.length] ?? facts[0];
  if (asked === undefined) throw new Error("no facts");
  const statements = facts.map(({ name, word }) => `The secret word of ${name} is ${word}.`).join(" ");
  return { content: `${statements}\nWhat is the secret word of ${asked.name}?`, secret: asked.word };
}

function pick<T>(list: readonly T[], index: number): T {
  const value = list[index % list.length];
  if (value === undefined) throw new Error("empty list");
  return value;
}
