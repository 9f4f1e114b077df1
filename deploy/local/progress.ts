// One line a finished stage; on a terminal, also a line that shows what is under way.
export interface Progress {
  /** Shows what is under way, in place of the last such text. */
  update(text: string): void;
  /** A stage is finished. */
  done(text: string): void;
}

export function createProgress(output: NodeJS.WriteStream): Progress {
  const startMs = performance.now();
  const clear = output.isTTY ? "\r\u001b[2K" : "";
  return {
    update(text) {
      if (output.isTTY) output.write(`${clear}  … ${text}`);
    },
    done(text) {
      const elapsedS = ((performance.now() - startMs) / 1000).toFixed(1).padStart(5);
      output.write(`${clear}${elapsedS} s  ${text}\n`);
    },
  };
}
