// Columns of days, each a stack.
import { useEffect, useRef, useState } from "preact/hooks";
import { Name } from "../../parts/basics";
import { dark, useSize } from "../../parts/size";
import { plain } from "../../words";

export interface Stack { name: string; sum: number; values: number[]; rest?: boolean }

const colourOf = (s: Stack, i: number) => (s.rest ? "--strong" : `--c${i}`);

const left = 46; // pixels for figures
const below = 18; // pixels for days

export function Days({ days, stacks, says, label }: { days: string[]; stacks: Stack[]; says: (n: number) => string; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width } = useSize(canvas);
  const [over, setOver] = useState<number>();
  const text = JSON.stringify([days, stacks]);
  useEffect(() => {
    if (width > 0) draw(canvas.current!, days, stacks, says, over);
  }, [text, width, over, dark.value]);
  const total = (i: number) => stacks.reduce((n, s) => n + s.values[i]!, 0);
  const at = (e: PointerEvent) => {
    const i = Math.floor(((e.offsetX - left) / (width - left)) * days.length);
    setOver(i >= 0 && i < days.length ? i : undefined);
  };
  return (
    <figure>
      <canvas ref={canvas} class="days" role="img" aria-label={`${label}, by ${plain(stacks.map((s) => s.name).join(", "))}`} onPointerMove={at} onPointerLeave={() => setOver(undefined)} />
      <figcaption>
        <p class="small over">{over !== undefined ? <><b>{new Date(days[over]!).toLocaleDateString([], { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" })}</b>: {says(total(over))}</> : <>All days: {says(stacks.reduce((n, s) => n + s.sum, 0))}</>}</p>
        <div class="legend">
          {stacks.map((s, i) => <span key={s.name + i}><i class="swatch" style={{ background: `var(${colourOf(s, i)})` }} /><Name of={s.name} /> {says(over !== undefined ? s.values[over]! : s.sum)}</span>)}
        </div>
      </figcaption>
    </figure>
  );
}

// round is a figure at or above n that reads well: 1, 2 or 5 times a power of ten.
function round(n: number): number {
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 5, 10].map((m) => m * power).find((m) => m >= n * 0.9999)!;
}

function draw(c: HTMLCanvasElement, days: string[], stacks: Stack[], says: (n: number) => string, over: number | undefined) {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [c.clientWidth, c.clientHeight];
  c.width = w * ratio;
  c.height = h * ratio;
  const g = c.getContext("2d")!;
  g.scale(ratio, ratio);
  const look = getComputedStyle(c);
  const colour = (name: string) => look.getPropertyValue(name).trim();
  const most = Math.max(...days.map((_, i) => stacks.reduce((n, s) => n + s.values[i]!, 0)), 1e-9);
  const step = round(most / 4);
  const top = Math.ceil(most / step - 1e-9) * step;
  const each = (w - left) / days.length;
  const y = (n: number) => 8 + (1 - n / top) * (h - below - 8);
  g.font = "11px system-ui, sans-serif";
  g.textBaseline = "middle";
  g.textAlign = "right";
  for (let n = 0; n <= top + 1e-9; n += step) {
    g.fillStyle = colour("--line");
    g.fillRect(left, Math.round(y(n)), w - left, 1);
    g.fillStyle = colour("--dim");
    g.fillText(n === 0 ? "0" : says(n), left - 6, y(n));
  }
  const gap = Math.min(6, each * 0.2);
  days.forEach((_, i) => {
    let from = 0;
    g.globalAlpha = over === undefined || over === i ? 1 : 0.55;
    stacks.forEach((s, k) => {
      const n = s.values[i]!;
      if (n <= 0) return;
      g.fillStyle = colour(colourOf(s, k));
      g.fillRect(left + i * each + gap / 2, y(from + n), Math.max(1, each - gap), Math.max(0.5, y(from) - y(from + n)));
      from += n;
    });
  });
  g.globalAlpha = 1;
  g.fillStyle = colour("--dim");
  g.textAlign = "center";
  const every = Math.max(1, Math.ceil(62 / each));
  for (let i = days.length - 1; i >= 0; i -= every) {
    const x = left + (i + 0.5) * each;
    const says = new Date(days[i]!).toLocaleDateString([], { day: "numeric", month: "short", timeZone: "UTC" });
    const half = g.measureText(says).width / 2;
    if (x - half < left - 10) continue;
    g.fillText(says, Math.min(x, w - half), h - below / 2 + 2);
  }
}
