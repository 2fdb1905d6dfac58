// How busy a machine was: share of its processor, memory and GPU over the last hours.
import { useEffect, useRef, useState } from "preact/hooks";
import type { WorkerHistory } from "../../api/model";
import { moment } from "../../words";
import { Empty } from "../../parts/basics";
import { dark, useSize } from "../../parts/size";

type Line = [name: string, colour: string, values: (number | null)[]];

export function LoadChart({ of, hours }: { of: WorkerHistory; hours: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [at, setAt] = useState<number>(); // the step that the pointer is on, from the last one back
  const lines: Line[] = ([["CPU", "--c0", of.cpu ?? []], ["memory", "--c2", of.memory ?? []], ["GPU", "--c1", of.gpu ?? []]] as Line[]).filter(([, , v]) => v.some((x) => x !== null));
  const steps = Math.max(1, Math.round((hours * 3_600_000) / of.step_ms));
  const known = lines.length > 0;
  const { width } = useSize(canvas, known);
  useEffect(() => {
    const c = canvas.current;
    if (c && width > 0) draw(c, of, lines, steps, at);
  }, [of, width, steps, at, dark.value]);
  if (!known) return <div class="loadchart"><Empty>Nothing was measured yet: a value comes each minute that the worker is online.</Empty></div>;
  const value = ([, , v]: Line, back: number) => v[v.length - 1 - back] ?? null;
  const shown = at ?? 0;
  return (
    <figure>
      <canvas ref={canvas} class="loadchart" role="img" aria-label={`Load of the last ${hours} hours; now ${lines.map((l) => `${l[0]} ${value(l, 0) ?? "unknown"} percent`).join(", ")}`}
        onPointerMove={(e) => {
          const box = e.currentTarget.getBoundingClientRect();
          setAt(Math.min(steps - 1, Math.max(0, Math.floor(((box.right - e.clientX) / box.width) * steps))));
        }}
        onPointerLeave={() => setAt(undefined)} />
      <figcaption class="legend">
        {lines.map((l) => (
          <span key={l[0]}><i class="swatch" style={{ background: `var(${l[1]})` }} />{l[0]} {value(l, shown) === null ? "–" : `${value(l, shown)} %`}</span>
        ))}
        <span>{at === undefined ? "now" : moment(new Date(Date.parse(of.end) - at * of.step_ms).toISOString())}</span>
      </figcaption>
    </figure>
  );
}

function draw(c: HTMLCanvasElement, of: WorkerHistory, lines: Line[], steps: number, at: number | undefined) {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [c.clientWidth, c.clientHeight];
  c.width = w * ratio;
  c.height = h * ratio;
  const g = c.getContext("2d")!;
  g.scale(ratio, ratio);
  const look = getComputedStyle(c);
  const colour = (name: string) => look.getPropertyValue(name).trim();
  const foot = 18;
  const y = (percent: number) => 4 + (1 - percent / 100) * (h - foot - 8);
  const x = (back: number) => w - (back + 0.5) * (w / steps);
  g.font = "11px system-ui, sans-serif";
  g.lineWidth = 1;
  for (const p of [0, 50, 100]) {
    g.strokeStyle = colour("--line");
    g.beginPath();
    g.moveTo(0, Math.round(y(p)) + 0.5);
    g.lineTo(w, Math.round(y(p)) + 0.5);
    g.stroke();
  }
  g.fillStyle = colour("--dim");
  g.fillText("100 %", 2, y(100) + 12);
  const end = Date.parse(of.end);
  const perHour = 3_600_000 / of.step_ms;
  const every = w / (steps / perHour) < 60 ? 2 : 1; // hours between two marks
  for (let t = new Date(end).setMinutes(0, 0, 0); t > end - steps * of.step_ms; t -= every * 3_600_000) {
    const at = x((end - t) / of.step_ms);
    const text = new Date(t).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    if (at > 24 && at < w - 24) g.fillText(text, at - g.measureText(text).width / 2, h - 3);
  }
  for (const [, name, values] of lines) {
    g.strokeStyle = colour(name);
    g.lineWidth = 1.6;
    g.lineJoin = "round";
    g.beginPath();
    let pen = false;
    values.forEach((v, i) => {
      if (v === null) return (pen = false);
      const px = x(values.length - 1 - i);
      if (pen) g.lineTo(px, y(v));
      else {
        g.moveTo(px - 0.8, y(v)); // one value alone is a dot
        g.lineTo(px, y(v));
      }
      return (pen = true);
    });
    g.stroke();
  }
  if (at === undefined) return;
  g.strokeStyle = colour("--strong");
  g.lineWidth = 1;
  g.beginPath();
  g.moveTo(Math.round(x(at)) + 0.5, 0);
  g.lineTo(Math.round(x(at)) + 0.5, h - foot);
  g.stroke();
}
