// The frames as a film: flip, play, compare, look at pixels and passes.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useData } from "../../api/data";
import type { Job } from "../../api/model";
import { Button, Card, Empty, Trouble } from "../../parts/basics";
import { useSize } from "../../parts/size";
import { Typed } from "../../parts/typed";
import { ask, asked } from "../../route";
import { number, rate } from "../../words";
import { type Frames, grows, lost } from "./data";
import { useGrowing } from "./growing";
import { Images, type Picture } from "./images";
import { done, stateNames } from "./model";
import type { PartOf } from "./part";
import { called, numberOf } from "../../picture";

const rates = [6, 12, 23.976, 24, 25, 29.97, 30, 50, 60];
const ahead = 10; // frames that are fetched before they are shown
const mostZoom = 64;
const rest = 250; // milliseconds without another frame after which the address names the one that is shown

export function Viewer({ job: j, frames }: PartOf) {
  const f = frames.value;
  if (lost(j, "outputs")) return <Empty>The pictures of this job were cleaned up.</Empty>;
  if (!f) return frames.problem ? <Trouble of={frames.problem} again={frames.again} /> : <div class="waits screen" aria-busy="true" />;
  if (!f.states.includes(done) && !f.parts.some((n) => n > 0)) return <Empty>No frame is done yet. Frames appear here as they are rendered.</Empty>;
  return <Screen key={`${j.id} ${f.numbers.length}`} of={j} frames={f} version={frames.version} />;
}

interface View { zoom: number; x: number; y: number } // zoom 0: as fits; x, y: the picture's point in the middle, from 0 to 1

// version has it drawn again: the columns of its frames change in place.
function Screen({ of: j, frames: f }: { of: Job; frames: Frames; version: number }) {
  const { id: job, fps: scene } = j;
  const images = useMemo(() => new Images(job, f), [job]);
  images.of = f;
  useEffect(() => () => images.close(), [images]);
  const [begin] = useState(() => first(f));
  const rowOf = (text: string) => (text === "" ? undefined : f.at.get(numberOf(j, text) ?? NaN));
  const [moved, move] = useState<number>(); // row to which it was played or moved; the address follows when it rests
  const row = moved ?? rowOf(asked("frame")) ?? begin;
  const frame = f.numbers[row]!;
  const layer = asked("pass");
  const other = rowOf(asked("with"));
  const way = asked("how") || "wipe";
  const [playing, play] = useState(false);
  const [chosen, choose] = useState(() => Number(localStorage.getItem("netrender-fps")) || 0); // 0: as the scene has it
  const fps = chosen || scene || 24;
  const [mark, setMark] = useState(false); // missing frames are shown as such; else the one before is held
  const [exposure, expose] = useState(0);
  const [wipe, setWipe] = useState(0.5);
  const [view, setView] = useState<View>({ zoom: 0, x: 0.5, y: 0.5 });
  const [pixel, setPixel] = useState<{ x: number; y: number }>();
  const [problem, setProblem] = useState("");
  const [, redraw] = useState(0);
  const [real, setReal] = useState(0);
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useSize(canvas);
  const [fine, setFine] = useState(-1); // row of which every pixel of a pass is wanted: somebody reads them
  // A pass is scaled down to what fits, until somebody looks closely: that is quicker, and far less to send.
  const wide = view.zoom > 0 || fine === row ? 0 : Math.ceil((box.width * (devicePixelRatio || 1)) / 128) * 128;
  const shown = useRef<Picture | null>(null);
  const whole = f.states[row] === done ? frame : held(f, row, true);
  const layers = useData(async () => (whole === undefined ? undefined : images.layers(whole)), [job, f.states[row] === done ? "" : row, whole === undefined]);
  const growing = useGrowing(j, frame, !layer && !playing && grows(f, row), f.parts[row] ?? 0);

  const to = (r: number) => move(Math.max(0, Math.min(f.numbers.length - 1, r)));
  useEffect(() => {
    if (moved === undefined || playing) return;
    const timer = setTimeout(() => {
      ask({ frame: String(f.numbers[moved]) });
      move(undefined);
    }, rest);
    return () => clearTimeout(timer);
  }, [moved, playing]);
  const source = f.states[row] === done || growing && !layer ? row : mark ? undefined : f.at.get(held(f, row) ?? NaN);

  // What is to be seen is fetched, and what comes next.
  useEffect(() => {
    let ended = false;
    setProblem("");
    if (box.width === 0) return;
    const want = [source, other].filter((r) => r !== undefined && f.states[r] === done).map((r) => f.numbers[r!]!);
    for (const n of want) {
      images.fetch(n, layer, wide).then(() => !ended && redraw((k) => k + 1), (err: Error) => {
        if (!ended && err.name !== "AbortError") setProblem(err.message);
      });
    }
    if (!layer || playing) {
      for (let k = 1, found = 0; k < 60 && found < (layer ? 2 : ahead); k++) {
        const r = (row + k) % f.numbers.length;
        if (f.states[r] !== done) continue;
        found++;
        images.fetch(f.numbers[r]!, layer, wide).catch(() => {});
      }
    }
    return () => {
      ended = true;
    };
  }, [source, other, layer, playing, row, f.attempts[row], wide, box.width === 0]);

  // Playing goes to the next frame when its time has come and its picture is there.
  const state = useRef({ row, layer, mark, wide });
  state.current = { row, layer, mark, wide };
  useEffect(() => {
    if (!playing) return;
    let id = 0;
    let due = performance.now() + 1000 / fps;
    let n = 0;
    let since = performance.now();
    const tick = (now: number) => {
      id = requestAnimationFrame(tick);
      if (now < due - 2) return;
      const s = state.current;
      const next = (s.row + 1) % f.numbers.length;
      if (f.states[next] === done && images.here(f.numbers[next]!, s.layer, s.wide) === undefined) {
        images.fetch(f.numbers[next]!, s.layer, s.wide).catch(() => play(false));
        due = now; // it waits for what is not there yet
        return;
      }
      due = Math.max(due + 1000 / fps, now - 1000 / fps);
      if (++n % 12 === 0) {
        setReal(12_000 / (now - since));
        since = now;
      }
      to(next);
    };
    id = requestAnimationFrame(tick);
    return () => {
      cancelAnimationFrame(id);
      setReal(0);
    };
  }, [playing, fps]);

  // While what is wanted comes, what is coarser stands in.
  const here = (r: number) => images.here(f.numbers[r]!, layer, wide) ?? (wide === 0 && coarse.current > 0 ? images.here(f.numbers[r]!, layer, coarse.current) : undefined);
  const coarse = useRef(0);
  if (wide > 0) coarse.current = wide;
  const finished = source === undefined ? null : f.states[source] === done ? here(source) : undefined;
  const a = finished === undefined && source === row && !layer ? growing?.picture : finished; // parts stay until the frame is here
  const b = other === undefined ? undefined : here(other);
  if (a) shown.current = a;
  const at = place(a ?? shown.current, box, view);

  useEffect(() => {
    const c = canvas.current!;
    if (box.width === 0) return;
    const ratio = devicePixelRatio || 1;
    if (c.width !== Math.round(box.width * ratio)) c.width = Math.round(box.width * ratio);
    if (c.height !== Math.round(box.height * ratio)) c.height = Math.round(box.height * ratio);
    const g = c.getContext("2d")!;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, box.width, box.height);
    g.imageSmoothingEnabled = at.scale * ratio < 1.01;
    g.imageSmoothingQuality = "high";
    const draw = (p: Picture) => g.drawImage(p.draw(exposure), at.x, at.y, at.width, at.height);
    if (a) draw(a);
    if (b && a) {
      g.save();
      if (way === "difference") g.globalCompositeOperation = "difference";
      else {
        g.beginPath();
        g.rect(at.x + at.width * wipe, 0, box.width, box.height);
        g.clip();
        g.clearRect(0, 0, box.width, box.height);
      }
      draw(b);
      g.restore();
      if (way !== "difference") {
        g.fillStyle = "#fff";
        g.fillRect(at.x + at.width * wipe - 0.5, 0, 1, box.height);
      }
    }
    if (source === undefined || a === null) {
      g.fillStyle = "#a1a6ad";
      g.font = "15px system-ui, sans-serif";
      g.textAlign = "center";
      g.fillText(a === null && source !== undefined ? `Frame ${called(j, frame)} has no picture that can be shown; choose a pass` : `Frame ${called(j, frame)}: ${stateNames[f.states[row]!]}`, box.width / 2, box.height / 2);
    }
  });

  const zoomTo = (zoom: number, point?: { x: number; y: number }) => setView((v) => {
    const z = Math.min(mostZoom, zoom);
    if (z <= 0) return { zoom: 0, x: 0.5, y: 0.5 };
    if (!point) return { ...v, zoom: z };
    // The point under the pointer stays there.
    const u = (point.x - at.x) / at.width;
    const w = (point.y - at.y) / at.height;
    const p = shown.current;
    if (!p) return v;
    return { zoom: z, x: u + (box.width / 2 - point.x) / (p.width * z), y: w + (box.height / 2 - point.y) / (p.height * z) };
  });
  const where = (e: MouseEvent) => {
    const r = canvas.current!.getBoundingClientRect();
    return { x: e.clientX - r.left, y: e.clientY - r.top };
  };
  const drag = useRef<{ x: number; y: number; view: View } | null>(null);
  useEffect(() => {
    const c = canvas.current!;
    const wheel = (e: WheelEvent) => {
      e.preventDefault();
      zoomTo(at.scale * 1.2 ** (-Math.sign(e.deltaY)), where(e));
    };
    c.addEventListener("wheel", wheel, { passive: false });
    return () => c.removeEventListener("wheel", wheel);
  });
  const keys: Record<string, () => void> = {
    ArrowLeft: () => to(row - 1), ArrowRight: () => to(row + 1), Home: () => to(0), End: () => to(f.numbers.length - 1), " ": () => play(!playing),
    "+": () => zoomTo(at.scale * 1.5), "-": () => zoomTo(at.scale / 1.5), 0: () => zoomTo(0), 1: () => zoomTo(1),
  };
  const list = layers.value?.layers ?? [];
  const partly = growing && a === growing.picture ? growing.says : "";
  const missing = f.states.length - f.states.filter((s) => s === done).length;
  return (
    <Card class="viewer">
      <div class="screen" tabIndex={0} role="application" aria-roledescription="viewer" aria-label={`Frame ${called(j, frame)}, ${stateNames[f.states[row]!]}${partly && `, ${partly}`}. Space plays, arrows go from frame to frame, plus and minus zoom, 0 fits the window.`}
        onKeyDown={(e) => { const k = keys[e.key]; if (k && !e.ctrlKey && !e.metaKey && !e.altKey) { e.preventDefault(); k(); } }}>
        <canvas ref={canvas} aria-hidden="true" class={view.zoom > 0 ? "moves" : ""}
          onPointerDown={(e) => { drag.current = { x: e.clientX, y: e.clientY, view }; canvas.current!.setPointerCapture(e.pointerId); }}
          onPointerUp={() => { drag.current = null; }}
          onPointerMove={(e) => {
            const d = drag.current;
            const p = a ?? shown.current;
            if (d && p && view.zoom > 0) setView({ ...d.view, x: d.view.x - (e.clientX - d.x) / at.width, y: d.view.y - (e.clientY - d.y) / at.height });
            const m = where(e);
            const x = Math.floor(((m.x - at.x) / at.width) * (p?.width ?? 0));
            const y = Math.floor(((m.y - at.y) / at.height) * (p?.height ?? 0));
            const over = a && x >= 0 && y >= 0 && x < a.width && y < a.height;
            if (over && !a.whole && !playing) setFine(row);
            setPixel(over ? { x, y } : undefined);
          }}
          onDblClick={() => zoomTo(view.zoom > 0 ? 0 : 1)} />
      </div>
      <label class="scrub"><span class="vh">Frame</span><input type="range" min={0} max={f.numbers.length - 1} value={row} aria-valuetext={`frame ${called(j, frame)}`} onInput={(e) => to(Number(e.currentTarget.value))} /></label>
      <div class="actions">
        <Button icon="left" label="Frame before" onClick={() => to(row - 1)} />
        <Button kind="main" icon={playing ? "pause" : "play"} onClick={() => play(!playing)}>{playing ? "Stop" : "Play"}</Button>
        <Button icon="right" label="Next frame" onClick={() => to(row + 1)} />
        <label class="field inline"><span>Frame</span><Typed type={j.views?.length ? "text" : "number"} value={called(j, frame)} onChange={(text) => { const r = rowOf(text); if (r !== undefined) to(r); }} /></label>
        <label class="field inline"><span>Frames a second</span>
          <select value={String(chosen)} onChange={(e) => { choose(Number(e.currentTarget.value)); localStorage.setItem("netrender-fps", e.currentTarget.value); }}>
            <option value="0">{scene ? `${rate(scene)}, as the scene` : "24"}</option>
            {rates.filter((r) => scene || r !== 24).map((r) => <option key={r} value={String(r)}>{r}</option>)}
          </select>
        </label>
        <span class="partly nw" role="status">{partly}</span>
        <span class="dim small nw">{playing && real > 0 ? `${real.toFixed(1)} shown` : ""}</span>
      </div>
      <div class="actions">
        <label class="field inline"><span>Show</span>
          <select value={layer} onChange={(e) => { ask({ pass: e.currentTarget.value }); }}>
            <option value="">Picture</option>
            {layer && !list.some((l) => l.name === layer) && <option value={layer}>{layer}</option>}
            {list.map((l) => <option key={l.name} value={l.name}>{l.name}</option>)}
          </select>
        </label>
        {layer && <label class="field inline"><span>Exposure</span><input type="range" min="-10" max="10" step="0.1" value={exposure} aria-valuetext={`${exposure} stops`} onInput={(e) => expose(Number(e.currentTarget.value))} /><output>{exposure > 0 ? "+" : ""}{exposure.toFixed(1)}</output></label>}
        {layer && exposure !== 0 && <Button onClick={() => expose(0)}>Reset</Button>}
        <label class="field inline"><span>Zoom</span>
          <select value={view.zoom === 0 ? "0" : String(view.zoom)} onChange={(e) => zoomTo(Number(e.currentTarget.value))}>
            <option value="0">fit</option>
            {![0, 0.5, 1, 2, 4, 8, 16, 32].includes(view.zoom) && <option value={String(view.zoom)}>{Math.round(100 * view.zoom)} %</option>}
            {[0.5, 1, 2, 4, 8, 16, 32].map((z) => <option key={z} value={String(z)}>{100 * z} %</option>)}
          </select>
        </label>
        <label class="field inline"><span>Compare with frame</span><Typed type="number" value={asked("with")} placeholder="none" onChange={(text) => ask({ with: text })} /></label>
        {other !== undefined && <label class="field inline"><span>as</span><select value={way} onChange={(e) => ask({ how: e.currentTarget.value })}><option value="wipe">wipe</option><option value="difference">difference</option></select></label>}
        {other !== undefined && way === "wipe" && <label><span class="vh">Wipe</span><input type="range" min="0" max="1" step="0.005" value={wipe} onInput={(e) => setWipe(Number(e.currentTarget.value))} /></label>}
        {missing > 0 && <label><input type="checkbox" checked={mark} onChange={(e) => setMark(e.currentTarget.checked)} /> Mark missing frames</label>}
      </div>
      {problem && <p class="bad" role="alert">{problem}</p>}
      <p class="dim small viewerline">
        {pixel && a && pixel.x < a.width && pixel.y < a.height ? `${pixel.x}, ${pixel.y}: ${a.whole ? a.at(pixel.x, pixel.y) : "..."}` : (layer ? "Colours are shown as sRGB, without the scene's view transform; other passes from their least to their largest value." : "Point at the picture to read its pixels.")}
        {" "}{missing > 0 && `${number(missing)} frames are missing${mark ? "." : "; the last before them is held."}`}
      </p>
    </Card>
  );
}

// first is the row to begin with: a frame that is done, else one of which there are parts.
function first(f: Frames): number {
  const i = f.states.indexOf(done);
  return i >= 0 ? i : Math.max(0, f.parts.findIndex((n) => n > 0));
}

// held is the last frame that is done before a row; either: else the first behind it.
function held(f: Frames, row: number, either = false): number | undefined {
  for (let i = row; i >= 0; i--) if (f.states[i] === done) return f.numbers[i];
  const i = either ? f.states.indexOf(done) : -1;
  return i >= 0 ? f.numbers[i] : undefined;
}

function place(p: Picture | null, box: { width: number; height: number }, view: View) {
  if (!p || box.width === 0) return { x: 0, y: 0, width: 1, height: 1, scale: 1 };
  const fit = Math.min(box.width / p.width, box.height / p.height);
  const scale = view.zoom > 0 ? view.zoom : fit;
  const [width, height] = [p.width * scale, p.height * scale];
  return { x: box.width / 2 - view.x * width, y: box.height / 2 - view.y * height, width, height, scale };
}
