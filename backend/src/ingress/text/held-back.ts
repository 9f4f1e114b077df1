/** Length of the longest end of a text that `word` begins with, but is not all of it: what may yet become the word. */
export function heldBackLength(text: string, word: string): number {
  for (let length = Math.min(word.length - 1, text.length); length > 0; length -= 1) {
    if (word.startsWith(text.slice(text.length - length))) return length;
  }
  return 0;
}
