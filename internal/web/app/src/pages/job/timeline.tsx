// Who rendered what when, and how long each frame took.
import { useEffect, useRef, useState } from "preact/hooks";
import { Card, Empty, Name, Trouble } from "../../parts/basics";
import { dark, useSize } from "../../parts/size";
import { go } from "../../route";
import { count, hours, number, plain, span } from "../../words";
import type { Frames } from "./data";
import { done, failed, rendering } from "./model";
import type { Job } from "../../api/model";
import type { PartOf } from "./part";
import { called } from "../../picture";

const rowHeight = 22;
const axisHeight = 20;
const mostRows = 200;
const chartHeight = 220;

export function Timeline({ job: j, frames }: PartOf) {
  const f = frames.value;
  if (!f) return frames.problem ? <Trouble of={frames.problem} again={frames.again} /> : <div class="waits cells" aria-busy="true" />;
  const workers = summary(f);
  if (workers.length === 0) return <Empty>No frame was tried yet.</Empty>;
  return (
    <>
      <Card title="Workers" aside="the last attempt at each frame">
        <Bars job={j} of={f} version={frames.version} rows={workers.slice(0, mostRows)} open={(n) => go(`/jobs/${j.id}/frames/${n}`)} ended={j.ended ? Date.parse(j.ended) : 0} />
      </Card>
      <Card title="Time of each frame"><Chart of={f} version={frames.version} open={(n) => go(`/jobs/${j.id}/frames/${n}`)} /></Card>
      <Card class="flush" title="By worker">
        <div class="scroll">
          <table class="tight">
            <thead><tr><th scope="col">Worker</th><th scope="col" class="num">Frames</th><th scope="col" class="num">Failed</th><th scope="col" class="num">A frame takes</th><th scope="col" class="num">Together</th></tr></thead>
            <tbody>{workers.map((w) => (
              <tr key={w.id}>
                <td><a href={`/workers/${w.id}`}><Name of={w.name || "a worker that is gone"} /></a></td>
                <td class="num">{number(w.done)}</td><td class={w.failed ? "num bad" : "num dim"}>{number(w.failed)}</td>
                <td class="num">{w.done ? span(w.seconds / w.done) : ""}</td><td class="num">{w.seconds ? hours(w.seconds) : ""}</td>
              </tr>
            ))}</tbody>
          </table>
        </div>
      </Card>
    </>
  );
}

interface Row { id: string; name: string; index: number; done: number; failed: number; seconds: number }

function summary(f: Frames): Row[] {
  const rows: Row[] = f.list.map((w, index) => ({ ...w, index, done: 0, failed: 0, seconds: 0 }));
  f.workers.forEach((w, i) => {
    if (w < 0) return;
    if (f.states[i] === done) {
      rows[w]!.done++;
      rows[w]!.seconds += f.seconds[i]!;
    } else if (f.failed[i]) rows[w]!.failed++;
  });
  return rows.filter((r) => f.workers.includes(r.index)).sort((a, b) => a.name.localeCompare(b.name));
}

const ticks = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800];

function Bars({ job: j, of: f, version, rows, open, ended }: { job: Job; of: Frames; version: number; rows: Row[]; open: (frame: number) => void; ended: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const { width } = useSize(box);
  const [over, setOver] = useState(-1);
  const height = rows.length * rowHeight + axisHeight;
  const label = width < 600 ? 70 : 130;
  const place = new Map(rows.map((r, i) => [r.index, i]));
  const last = (i: number, now: number) => (f.states[i] === rendering ? now : f.started[i]! + 1000 * f.seconds[i]!);
  const reach = (now: number) => {
    let [a, b] = [Infinity, 0];
    for (let i = 0; i < f.started.length; i++) {
      if (f.started[i]! < 0 || f.workers[i]! < 0) continue;
      a = Math.min(a, f.started[i]!);
      b = Math.max(b, last(i, now));
    }
    return [Math.min(a, b), Math.max(b, a + 1000)] as const;
  };
  const view = useRef<readonly [number, number]>([0, 1000]);
  useEffect(() => {
    const c = canvas.current!;
    if (width === 0) return;
    const ratio = devicePixelRatio || 1;
    c.width = width * ratio;
    c.height = height * ratio;
    const g = c.getContext("2d")!;
    g.scale(ratio, ratio);
    const look = getComputedStyle(c);
    const colour = (name: string) => look.getPropertyValue(name).trim();
    const now = (ended || Date.now()) - f.base;
    const [a, b] = (view.current = reach(now));
    const x = (t: number) => label + ((t - a) / (b - a)) * (width - label - 1);
    g.clearRect(0, 0, width, height);
    g.font = "12px system-ui, sans-serif";
    g.textBaseline = "middle";
    g.fillStyle = colour("--track");
    rows.forEach((_, k) => g.fillRect(label, k * rowHeight + 3, width - label, rowHeight - 6));
    const fills = [colour("--fill-failed"), colour("--fill-running"), colour("--fill-done"), colour("--fill-failed"), colour("--c5")];
    for (let i = 0; i < f.started.length; i++) {
      const k = place.get(f.workers[i]!);
      if (k === undefined || f.started[i]! < 0 || f.states[i] === 4) continue;
      g.fillStyle = i === over ? colour("--ink") : fills[f.states[i]!]!;
      const x0 = x(f.started[i]!);
      g.fillRect(x0, k * rowHeight + 3, Math.max(1, x(last(i, now)) - x0 - 0.5), rowHeight - 6);
    }
    g.fillStyle = colour("--ink");
    rows.forEach((r, k) => g.fillText(fitted(g, plain(r.name) || "gone", label - 10), 0, k * rowHeight + rowHeight / 2));
    const each = ticks.find((t) => ((b - a) / 1000 / t) * 70 < width - label) ?? 604800;
    g.fillStyle = colour("--dim");
    g.strokeStyle = colour("--line");
    for (let t = 0; t <= (b - a) / 1000; t += each) {
      const at = Math.round(x(a + t * 1000)) + 0.5;
      g.beginPath();
      g.moveTo(at, 0);
      g.lineTo(at, height - axisHeight);
      g.stroke();
      const text = t === 0 ? "0" : span(t).replace(/\.0 s$/, " s");
      if (at + g.measureText(text).width < width) g.fillText(text, at, height - axisHeight / 2);
    }
  }, [f, version, width, over, rows.length, dark.value]);
  const under = (e: MouseEvent) => {
    const r = canvas.current!.getBoundingClientRect();
    const k = Math.floor((e.clientY - r.top) / rowHeight);
    const row = rows[k];
    const [a, b] = view.current;
    const t = a + ((e.clientX - r.left - label) / (width - label - 1)) * (b - a);
    if (!row) return -1;
    const now = (ended || Date.now()) - f.base;
    return f.workers.findIndex((w, i) => w === row.index && f.states[i] !== 4 && f.started[i]! <= t && last(i, now) >= t);
  };
  return (
    <div ref={box} class="bars">
      <canvas ref={canvas} role="img" aria-label={`When ${count(rows.length, "worker")} rendered; the table below says how much each did`} style={{ width: `${width}px`, height: `${height}px` }}
        onMouseMove={(e) => setOver(under(e))} onMouseLeave={() => setOver(-1)} onClick={(e) => { const i = under(e); if (i >= 0) open(f.numbers[i]!); }} />
      <p class="cellline">{over >= 0 ? <><Name of={f.list[f.workers[over]!]?.name || "gone"} />{`: frame ${called(j, f.numbers[over]!)}${f.seconds[over] ? ", " + span(f.seconds[over]) : ""}${f.states[over] === failed ? ", failed" : ""}`}</> : "\u00a0"}</p>
    </div>
  );
}

function fitted(g: CanvasRenderingContext2D, text: string, width: number): string {
  if (g.measureText(text).width <= width) return text;
  while (text.length > 1 && g.measureText(text + "\u2026").width > width) text = text.slice(0, -1);
  return text + "\u2026";
}

function Chart({ of: f, version, open }: { of: Frames; version: number; open: (frame: number) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const { width } = useSize(box);
  const plot = useRef<{ setData: (d: (number | null)[][]) => void; setSize: (s: { width: number; height: number }) => void; destroy: () => void } | undefined>(undefined);
  const data = () => {
    const [x, y]: [number[], (number | null)[]] = [[], []];
    f.numbers.forEach((n, i) => {
      x.push(n);
      y.push(f.states[i] === done ? f.seconds[i]! : null);
    });
    return [x, y];
  };
  useEffect(() => {
    let gone = false;
    const b = box.current!;
    void import("uplot").then(({ default: uPlot }) => {
      if (gone) return;
      const look = getComputedStyle(b);
      const colour = (name: string) => look.getPropertyValue(name).trim();
      const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
      const u = new uPlot({
        width: b.clientWidth, height: chartHeight, scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, Math.max(1, (max || 1) * 1.08)] } },
        legend: { show: true, live: true }, cursor: { drag: { x: true, y: false } },
        axes: [{ ...axis, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10000, 20000, 50000, 100000] }, { ...axis, size: 64, values: (_u, v) => v.map((s) => (s === 0 ? "0" : span(s))) }],
        series: [{ label: "Frame", value: (_u, v) => (v === null ? "" : String(v)) }, { label: "Rendering took", stroke: colour("--busy"), width: 1.2, points: { show: f.numbers.length < 200, size: 4 }, spanGaps: false, value: (_u, v) => (v === null || v === undefined ? "" : span(v)) }],
      }, data() as never, b);
      u.over.addEventListener("click", () => {
        const i = u.cursor.idx;
        if (typeof i === "number" && u.select.width === 0) open(u.data[0][i]!);
      });
      plot.current = u as never;
    });
    return () => {
      gone = true;
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [dark.value]);
  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height: chartHeight });
  }, [width]);
  useEffect(() => plot.current?.setData(data()), [f, version]);
  const times = f.seconds.filter((s, i) => f.states[i] === done && s > 0).sort((a, b) => a - b);
  const at = (q: number) => span(times[Math.floor(q * (times.length - 1))]);
  return (
    <>
      <div ref={box} class="chart" aria-hidden="true" />
      {times.length > 0 && <p class="legend"><span>quickest {at(0)}</span><span>half took at most {at(0.5)}</span><span>nine of ten {at(0.9)}</span><span>slowest {at(1)}</span></p>}
    </>
  );
}
