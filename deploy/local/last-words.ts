import { stripVTControlCharacters } from "node:util";

const maxLines = 8;
const maxLineLength = 300;

const speaksOfError = /error|fail|exception|panic|fatal/i;
/** Of a stack trace of V8 or Go: it follows what matters, and buries it. */
const isFrame = /^\s+at |^goroutine |^created by |^\t|\.go:\d+|^github\.com\//;

/** The last lines of a log that speak of an error; where none does, the last lines. Without traces and colours. */
export function pickLastWords(log: string): string {
  const lines = stripVTControlCharacters(log)
    .split("\n")
    .filter((line) => line.trim() !== "" && !isFrame.test(line));
  const errors = lines.filter((line) => speaksOfError.test(line));
  const picked = (errors.length > 0 ? errors : lines).slice(-maxLines);
  return picked.map((line) => line.slice(0, maxLineLength)).join("\n");
}
