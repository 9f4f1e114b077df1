// Whoever computes an answer that is not streamed is silent for minutes, as is a region that is gone without closing its
// connections. So while it is silent it is asked, beside the request, how it is.

/** Looks without an answer after which a region is taken to be gone. */
const maxLooks = 2;

export interface Vigil {
  readonly everyMs: number;
  /** Never throws. */
  readonly isThere: () => Promise<boolean>;
}

/** Calls `onSilence` once, as soon as nobody is there `maxLooks` times in a row. Returns how to end it. */
export function keepVigil({ everyMs, isThere }: Vigil, onSilence: () => void): () => void {
  let isOver = false;
  const look = async (): Promise<void> => {
    for (let looks = 0; looks < maxLooks; looks += 1) {
      const there = await isThere();
      if (isOver) return;
      if (there) return void (timer = next());
    }
    onSilence();
  };
  const next = (): ReturnType<typeof setTimeout> => setTimeout(() => void look(), everyMs);
  let timer = next();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
