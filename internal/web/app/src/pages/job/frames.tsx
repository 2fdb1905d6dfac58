// All frames of a job as cells, coloured by what became of them.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Job } from "../../api/model";
import { Button, Card, Name, palette, Trouble } from "../../parts/basics";
import { dark, useSize } from "../../parts/size";
import { asked, ask, go } from "../../route";
import { count, megabytes, number, plain, span } from "../../words";
import { counts, type Frames, grows } from "./data";
import { saysParts } from "./growing";
import { done, stateNames } from "./model";
import { States } from "./overview";
import type { PartOf } from "./part";
import { partsOf } from "./stages";
import { called, numberOf } from "../../picture";

const ways = [["", "state"], ["time", "time of rendering"], ["worker", "worker"], ["memory", "memory"]] as const;

export function FramesTab({ job: j, frames }: PartOf) {
  const way = asked("by");
  const f = frames.value;
  const [at, set] = useState(0);
  const open = (row: number) => go(`/jobs/${j.id}/frames/${f!.numbers[row]}`);
  return (
    <>
      <Card title="Frames" aside={
        <label>coloured by <select value={way} onChange={(e) => ask({ by: e.currentTarget.value })}>{ways.map(([id, text]) => <option key={id} value={id}>{text}</option>)}</select></label>
      }>
        {frames.problem && !f && <Trouble of={frames.problem} again={frames.again} />}
        {f ? <Cells of={f} job={j} version={frames.version} way={way} at={Math.min(at, f.numbers.length - 1)} set={set} open={open} /> : <div class="waits cells" aria-busy="true" />}
        <p class="cellline" aria-live="polite">{f && f.numbers.length > 0 ? says(j, f, Math.min(at, f.numbers.length - 1)) : "\u00a0"}</p>
        {f ? <Legend of={f} way={way} /> : <p class="legend">{"\u00a0"}</p>}
        {f && f.numbers.length < f.total && <p class="dim" role="status">{number(f.numbers.length)} of {number(f.total)} frames are here; the rest is coming.</p>}
      </Card>
      <div class="two">
        <Card title="The same in words"><States of={frames} job={j} /></Card>
        <Card title="Open a frame"><Open job={j} frames={f} open={open} /></Card>
      </div>
    </>
  );
}

function Open({ job: j, frames: f, open }: { job: Job; frames: Frames | undefined; open: (row: number) => void }) {
  const [wrong, set] = useState("");
  return (
    <form class="form line" onSubmit={(e) => {
      e.preventDefault();
      const text = (new FormData(e.currentTarget).get("frame") as string).trim();
      const row = f?.at.get(numberOf(j, text) ?? NaN);
      if (row === undefined) set(`The job has no frame ${text}.`);
      else open(row);
    }}>
      <label class="field"><span>Number of the frame</span><input name="frame" {...({ type: j.views?.length ? "text" : "number" } as object)} required placeholder={f?.numbers.length ? called(j, f.numbers[0]!) : ""} /></label>
      <Button type="submit">Open</Button>
      {wrong && <p class="bad whole" role="alert">{wrong}</p>}
    </form>
  );
}

// says tells of a frame in a line.
function says(j: Job, f: Frames, row: number): string {
  const worker = f.workers[row]! >= 0 ? f.list[f.workers[row]!] : undefined;
  const parts: string[] = [stateNames[f.states[row]!]!];
  if (grows(f, row)) parts.push(saysParts(j, f.parts[row]!));
  if (f.seconds[row]) parts.push(span(f.seconds[row]));
  if (worker) parts.push(plain(worker.name) || "a worker that is gone");
  if (f.attempts[row]! > 1) parts.push(count(f.attempts[row]!, "attempt"));
  if (f.memory[row]) parts.push(megabytes(f.memory[row]));
  return `Frame ${called(j, f.numbers[row]!)}: ${parts.join(", ")}`;
}

function Legend({ of: f, way }: { of: Frames; way: string }) {
  if (way === "time" || way === "memory") {
    const most = Math.max(0, ...column(f, way));
    return <p class="legend"><span><i class="swatch ramp" />{way === "time" ? `0 to ${span(most)}` : `0 to ${megabytes(most) || "0 MB"}`}</span><span><i class="swatch k0" />not known</span></p>;
  }
  if (way === "worker") return <p class="legend">{f.list.slice(0, 24).map((w, i) => <span key={w.id}><i class="swatch" style={{ background: `var(--c${i % palette})` }} /><Name of={w.name || "gone"} /></span>)}{f.list.length > 24 && <span>and {number(f.list.length - 24)} more</span>}</p>;
  const n = counts(f);
  return <p class="legend">{[2, 3, 1, 4, 0].map((s) => <span key={s}><i class={`swatch k${s}`} />{number(n[s]!)} {stateNames[s]}</span>)}</p>;
}

function column(f: Frames, way: string): number[] {
  return way === "time" ? f.seconds : f.memory;
}

const quantile = (values: number[], q: number) => {
  const sorted = values.filter((v) => v > 0).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 1;
};

function Cells({ of: f, job, version, way, at, set, open }: { of: Frames; job: Job; version: number; way: string; at: number; set: (row: number) => void; open: (row: number) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width } = useSize(box);
  const focused = useRef(false);
  const n = f.numbers.length;
  const parts = Math.max(1, partsOf(job));
  // As large as fits a window, within reason; a cell keeps its place while its job runs.
  const size = Math.max(9, Math.min(26, Math.floor(Math.sqrt((width * 420) / Math.max(1, f.total)))));
  const columns = Math.max(1, Math.floor(width / size));
  const rows = Math.ceil(n / columns);
  const height = Math.min(rows * size, 480);

  const draw = () => {
    const c = canvas.current;
    const b = box.current;
    if (!c || !b || width === 0) return;
    const ratio = devicePixelRatio || 1;
    if (c.width !== Math.round(width * ratio) || c.height !== Math.round(height * ratio)) {
      c.width = Math.round(width * ratio);
      c.height = Math.round(height * ratio);
    }
    const g = c.getContext("2d")!;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const look = getComputedStyle(c);
    const colour = (name: string) => look.getPropertyValue(name).trim();
    const kinds = [colour("--fill-waiting"), colour("--fill-running"), colour("--fill-done"), colour("--fill-failed"), colour("--c5")];
    const ramp = colour("--main");
    const workers = Array.from({ length: palette }, (_, i) => colour(`--c${i}`));
    const top = b.scrollTop;
    const from = Math.floor(top / size) * columns;
    const to = Math.min(n, (Math.floor((top + height) / size) + 1) * columns);
    const gap = size > 12 ? 2 : 1;
    const values = way === "time" || way === "memory" ? column(f, way) : undefined;
    const most = values ? quantile(values, 0.98) : 1;
    for (let i = from; i < to; i++) {
      const x = (i % columns) * size;
      const y = Math.floor(i / columns) * size - top;
      g.globalAlpha = 1;
      if (values) {
        const v = values[i]!;
        g.fillStyle = v > 0 ? ramp : kinds[0]!;
        g.globalAlpha = v > 0 ? 0.15 + 0.85 * Math.min(1, v / most) : 0.6;
      } else if (way === "worker") {
        g.fillStyle = f.workers[i]! >= 0 ? workers[f.workers[i]! % palette]! : kinds[0]!;
      } else g.fillStyle = kinds[f.states[i]!]!;
      g.fillRect(x, y, size - gap, size - gap);
      if (!values && way !== "worker" && grows(f, i)) { // filled from below by the parts that are there
        const high = Math.max(1, Math.round((size - gap) * Math.min(1, f.parts[i]! / parts)));
        g.fillStyle = kinds[done]!;
        g.fillRect(x, y + size - gap - high, size - gap, high);
      }
      if (!values && way !== "worker" && f.states[i] === 3) { // shape as well as colour
        g.strokeStyle = "#fff";
        g.lineWidth = size > 14 ? 1.5 : 1;
        g.beginPath();
        g.moveTo(x + 2, y + 2);
        g.lineTo(x + size - gap - 2, y + size - gap - 2);
        g.moveTo(x + size - gap - 2, y + 2);
        g.lineTo(x + 2, y + size - gap - 2);
        g.stroke();
      }
    }
    g.globalAlpha = 1;
    g.strokeStyle = colour("--ink");
    g.lineWidth = focused.current ? 2 : 1;
    g.strokeRect((at % columns) * size, Math.floor(at / columns) * size - top, size - gap, size - gap);
  };
  useEffect(draw);
  void version;
  void dark.value;

  const move = (to: number) => {
    const row = Math.max(0, Math.min(n - 1, to));
    set(row);
    const b = box.current!;
    const y = Math.floor(row / columns) * size;
    if (y < b.scrollTop) b.scrollTop = y;
    else if (y + size > b.scrollTop + height) b.scrollTop = y + size - height;
  };
  const page = Math.max(1, Math.floor(height / size)) * columns;
  const steps: Record<string, () => number> = {
    ArrowLeft: () => at - 1, ArrowRight: () => at + 1, ArrowUp: () => at - columns, ArrowDown: () => at + columns,
    Home: () => 0, End: () => n - 1, PageUp: () => at - page, PageDown: () => at + page,
    f: () => next(f, at, 3), F: () => next(f, at, 3),
  };
  const under = (e: MouseEvent) => {
    const r = canvas.current!.getBoundingClientRect();
    const x = Math.floor((e.clientX - r.left) / size);
    const i = Math.floor((e.clientY - r.top + box.current!.scrollTop) / size) * columns + x;
    return x < columns && i >= 0 && i < n ? i : -1;
  };
  return (
    <div
      ref={box} class="cells" tabIndex={0} role="application" aria-roledescription="grid of frames" aria-describedby="cellkeys"
      aria-label={n > 0 ? says(job, f, at) : "Frames"} style={{ height: `${height || 120}px` }}
      onScroll={draw}
      onFocus={() => { focused.current = true; draw(); }} onBlur={() => { focused.current = false; draw(); }}
      onKeyDown={(e) => {
        if (e.ctrlKey || e.metaKey || e.altKey) return;
        if (e.key === "Enter" || e.key === " ") open(at);
        else if (steps[e.key]) move(steps[e.key]!());
        else return;
        e.preventDefault();
      }}
      onMouseMove={(e) => { const i = under(e); if (i >= 0 && i !== at) set(i); }}
      onClick={(e) => { const i = under(e); if (i >= 0) open(i); }}
    >
      <canvas ref={canvas} aria-hidden="true" style={{ width: `${width}px`, height: `${height}px` }} />
      <i style={{ height: `${Math.max(0, rows * size - height)}px` }} />
      <span id="cellkeys" class="vh">Arrows move from frame to frame, F goes to the next that failed, Enter opens it. The list below has the same in words.</span>
    </div>
  );
}

function next(f: Frames, at: number, state: number): number {
  for (let k = 1; k <= f.states.length; k++) {
    const i = (at + k) % f.states.length;
    if (f.states[i] === state) return i;
  }
  return at;
}
