// Frames as people write them: 1-250 or 1,5,9 or 1-100x5 or -10--5.

const most = 10_000_000; // what a job may have is the master's to say; this is what is counted here

// countFrames counts the frames that a text names; undefined: it names none, or cannot be read.
export function countFrames(text: string): number | undefined {
  let n = 0;
  const ranges: [number, number, number][] = [];
  for (const part of text.split(",")) {
    const m = /^\s*(-?\d{1,9})(?:\s*-\s*(-?\d{1,9})(?:\s*x\s*(\d{1,9}))?)?\s*$/.exec(part);
    if (!m) return undefined;
    const from = Number(m[1]);
    const to = m[2] === undefined ? from : Number(m[2]);
    const step = m[3] === undefined ? 1 : Number(m[3]);
    if (to < from || step < 1) return undefined;
    ranges.push([from, to, step]);
    n += Math.floor((to - from) / step) + 1;
  }
  if (ranges.length === 1 || n > most) return n;
  const seen = new Set<number>(); // a frame that is named twice counts once
  for (const [from, to, step] of ranges) for (let f = from; f <= to; f += step) seen.add(f);
  return seen.size;
}

// lastFrame is the greatest of the frames that a text names; undefined: it cannot be read.
export function lastFrame(text: string): number | undefined {
  if (!countFrames(text)) return undefined;
  return Math.max(...text.split(",").map((part) => {
    const [, from, to = from, step = "1"] = /^\s*(-?\d+)(?:\s*-\s*(-?\d+)(?:\s*x\s*(\d+))?)?\s*$/.exec(part)!;
    return Number(to) - ((Number(to) - Number(from)) % Number(step));
  }));
}
