// The balancer made visible: which job held how many slots, over the last hour.
import { useEffect, useRef } from "preact/hooks";
import type { Sharing } from "../api/model";
import { count, number } from "../words";
import { Empty, Name, palette } from "./basics";
import { dark, useSize } from "./size";

const leastSteps = 30;

export function ShareChart({ of }: { of: Sharing }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const jobs = of.jobs ?? [];
  const online = of.online ?? [];
  const steps = online.length;
  const { width } = useSize(canvas, steps > 0);
  useEffect(() => {
    const c = canvas.current;
    if (c && width > 0) draw(c, of);
  }, [of, width, dark.value]);
  if (steps === 0) return <Empty>Nothing was measured yet.</Empty>;
  const most = Math.max(1, ...online);
  const now = (id: number) => jobs.find((j) => j.id === id)?.held?.[steps - 1] ?? 0;
  const listed = [...jobs].sort((a, b) => now(b.id) - now(a.id)).slice(0, palette);
  return (
    <figure>
      <canvas ref={canvas} class="share" role="img" aria-label={`Slots held by each job; ${count(most, "slot")} at most`} />
      <figcaption class="legend">
        {listed.map((j) => (
          <span key={j.id}><i class="swatch" style={{ background: `var(--c${jobs.indexOf(j) % palette})` }} />{j.id ? <a href={`/jobs/${j.id}`}><Name of={j.name} /></a> : "others"} {number(now(j.id))}</span>
        ))}
        {listed.length === 0 && <span>No job held a slot.</span>}
      </figcaption>
    </figure>
  );
}

function draw(c: HTMLCanvasElement, of: Sharing) {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [c.clientWidth, c.clientHeight];
  c.width = w * ratio;
  c.height = h * ratio;
  const g = c.getContext("2d")!;
  g.scale(ratio, ratio);
  const look = getComputedStyle(c);
  const colour = (name: string) => look.getPropertyValue(name).trim();
  const online = of.online ?? [];
  const shown = Math.max(online.length, leastSteps); // a farm that has just begun is not a line at the edge
  const each = w / shown;
  const x0 = w - online.length * each;
  const most = Math.max(1, ...online);
  const y = (n: number) => h - 1 - (n / most) * (h - 18);
  g.clearRect(0, 0, w, h);
  const below = new Array<number>(online.length).fill(0);
  (of.jobs ?? []).forEach((job, i) => {
    g.fillStyle = colour(`--c${i % palette}`);
    const held = job.held ?? [];
    for (let k = 0; k < held.length; k++) {
      const n = held[k]!;
      if (n === 0) continue;
      const from = below[k]!;
      g.fillRect(x0 + k * each, y(from + n), each + 0.6, y(from) - y(from + n));
      below[k] = from + n;
    }
  });
  g.strokeStyle = colour("--strong");
  g.lineWidth = 1;
  g.beginPath();
  online.forEach((n, k) => {
    g.lineTo(x0 + k * each, y(n) - 0.5);
    g.lineTo(x0 + (k + 1) * each, y(n) - 0.5);
  });
  g.stroke();
  g.fillStyle = colour("--dim");
  g.font = "11px system-ui, sans-serif";
  g.fillText(`${most} slot${most === 1 ? "" : "s"}`, 2, 11);
  g.strokeStyle = colour("--line");
  g.beginPath();
  g.moveTo(0, h - 0.5);
  g.lineTo(w, h - 0.5);
  g.stroke();
}
