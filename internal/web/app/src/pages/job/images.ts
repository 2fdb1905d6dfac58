// Pictures of frames for the viewer: previews as the browser decodes them, passes of EXR files as numbers.
import { address, get, send } from "../../api/call";
import { result } from "../../words";
import type { Frames } from "./data";
import { type AttemptList, type LayerList, picture, type Result } from "./model";

// Picture is a frame as it can be drawn. What it holds is freed by close.
export interface Picture {
  width: number;
  height: number;
  size: number; // bytes of memory
  whole: boolean; // it was not scaled down: width and height are those of what it was made of
  draw: (exposure: number) => CanvasImageSource; // stops; only passes heed them
  at: (x: number, y: number) => string; // values of a pixel
  close: () => void;
}

const budget = 384 << 20; // bytes of pictures that are kept
const blockSize = 100; // frames whose names are asked for at a time

// halves has the number of each half (IEEE 754 binary16).
let halves: Float32Array | undefined;
function halfTable(): Float32Array {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let h = 0; h < 65536; h++) {
    const e = (h >> 10) & 31;
    const m = h & 1023;
    const v = e === 0 ? m * 2 ** -24 : e === 31 ? (m ? NaN : Infinity) : (1 + m / 1024) * 2 ** (e - 15);
    halves[h] = h & 0x8000 ? -v : v;
  }
  return halves;
}

const srgb = (v: number) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);

class Pass implements Picture {
  readonly size: number;
  private canvas: OffscreenCanvas;
  private shown = NaN;

  // w and h are the pixels of halves, width and height those of the pass.
  constructor(private halves: Uint16Array, private w: number, private h: number, readonly width: number, readonly height: number, private kind: string, private least: number, private most: number, private scale: number) {
    this.size = w * h * 12;
    this.canvas = new OffscreenCanvas(w, h);
  }

  get whole() {
    return this.w === this.width;
  }

  draw(exposure: number): CanvasImageSource {
    if (exposure === this.shown) return this.canvas;
    this.shown = exposure;
    const numbers = halfTable();
    const byte = new Uint8ClampedArray(65536);
    const color = this.kind === "color";
    const gain = 2 ** exposure;
    const [from, range] = [this.least, this.most > this.least ? this.most - this.least : 1];
    for (let h = 0; h < 65536; h++) {
      const v = numbers[h]! * this.scale;
      byte[h] = 255 * (color ? srgb(Math.max(0, v * gain)) : gain * ((v - from) / range)); // not a number is black
    }
    const image = new ImageData(this.w, this.h);
    const to = image.data;
    const of = this.halves;
    const crypto = this.kind === "crypto";
    for (let i = 0; i < to.length; i += 4) {
      if (crypto) {
        const hash = Math.imul(of[i]! ^ (of[i + 1]! << 16), 2654435761);
        to[i] = of[i] ? hash & 255 : 0;
        to[i + 1] = of[i] ? (hash >> 8) & 255 : 0;
        to[i + 2] = of[i] ? (hash >> 16) & 255 : 0;
      } else {
        to[i] = byte[of[i]!]!;
        to[i + 1] = byte[of[i + 1]!]!;
        to[i + 2] = byte[of[i + 2]!]!;
      }
      to[i + 3] = 255;
    }
    this.canvas.getContext("2d")!.putImageData(image, 0, 0);
    return this.canvas;
  }

  at(x: number, y: number): string {
    const i = 4 * (Math.floor((y * this.h) / this.height) * this.w + Math.floor((x * this.w) / this.width));
    const v = [0, 1, 2, 3].map((k) => halfTable()[this.halves[i + k]!]! * this.scale);
    const say = (n: number) => (Number.isFinite(n) ? String(Number(n.toPrecision(5))) : String(n));
    return this.kind === "depth" || this.kind === "scalar" || this.kind === "index" ? say(v[0]!) : v.map(say).join("  ");
  }

  close() {
    this.halves = new Uint16Array(0);
  }
}

async function preview(job: number, r: Result, signal: AbortSignal): Promise<Picture> {
  const blob = await (await send("GET", `${result(job, r.name)}?v=${r.sha256.slice(0, 8)}`, undefined, signal)).blob();
  const map = await createImageBitmap(blob);
  const pixel = () => new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
  let one: OffscreenCanvasRenderingContext2D | undefined;
  return {
    width: map.width, height: map.height, size: map.width * map.height * 4, whole: true,
    draw: () => map,
    at: (x, y) => {
      one ??= pixel();
      one.drawImage(map, -x, -y);
      return [...one.getImageData(0, 0, 1, 1).data.slice(0, 3)].join("  ");
    },
    close: () => map.close(),
  };
}

// near: on the master's own machine packing costs more time than it saves.
const near = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

async function pass(job: number, frame: number, name: string, width: number, signal: AbortSignal): Promise<Picture> {
  const answer = await send("GET", address(`/jobs/${job}/frames/${frame}/layer`, { name, ...(width > 0 && { width }), ...(near && { pack: 0 }) }), undefined, signal);
  const number = (header: string) => Number(answer.headers.get(header));
  const bytes = await answer.arrayBuffer();
  const [w, h] = [number("Layer-Width"), number("Layer-Height")];
  const [wide, high] = (answer.headers.get("Layer-Whole") ?? `${w}x${h}`).split("x").map(Number) as [number, number];
  return new Pass(new Uint16Array(bytes), w, h, wide, high, answer.headers.get("Layer-Kind") ?? "color", number("Layer-Min"), number("Layer-Max"), number("Layer-Scale") || 1);
}

// Images fetches pictures of a job's frames and keeps those that were wanted last.
export class Images {
  private names = new Map<number, { tries: number; names: Promise<Map<number, Result[]>> }>(); // of blocks of frames, by their first row
  private kept = new Map<string, Picture | null>(); // in the order of use; null: the frame has none
  private coming = new Map<string, Promise<Picture | null>>();
  private bytes = 0;
  private stop = new AbortController();

  constructor(private job: number, public of: Frames) {}

  close() {
    this.stop.abort();
    for (const p of this.kept.values()) p?.close();
    this.kept.clear();
  }

  // key names a picture; one that was rendered again is another.
  private key(frame: number, layer: string, width = 0) {
    return `${frame} ${this.of.attempts[this.of.at.get(frame) ?? 0]} ${layer && width} ${layer}`;
  }

  layers(frame: number): Promise<LayerList> {
    return get<LayerList>(`/jobs/${this.job}/frames/${frame}/layers`, {}, this.stop.signal);
  }

  // here is a picture if it is there already, of a width or better; undefined: not yet, null: there is none. Passes are
  // scaled down to the width; 0: they are whole.
  here(frame: number, layer: string, width: number): Picture | null | undefined {
    for (const key of [this.key(frame, layer), this.key(frame, layer, width)]) {
      const p = this.kept.get(key);
      if (p === undefined) continue;
      this.kept.delete(key);
      this.kept.set(key, p);
      return p;
    }
    return undefined;
  }

  fetch(frame: number, layer: string, width: number): Promise<Picture | null> {
    const key = this.key(frame, layer, width);
    const known = this.here(frame, layer, width);
    if (known !== undefined) return Promise.resolve(known);
    let coming = this.coming.get(key);
    if (!coming) {
      coming = this.read(frame, layer, width).then((p) => {
        this.coming.delete(key);
        if (this.stop.signal.aborted) return null;
        this.kept.set(key, p);
        this.bytes += p?.size ?? 0;
        for (const [k, old] of this.kept) {
          if (this.bytes <= budget || k === key) break;
          this.kept.delete(k);
          this.bytes -= old?.size ?? 0;
          old?.close();
        }
        return p;
      }, (err: unknown) => {
        this.coming.delete(key);
        throw err;
      });
      this.coming.set(key, coming);
    }
    return coming;
  }

  private async read(frame: number, layer: string, width: number): Promise<Picture | null> {
    if (layer) return pass(this.job, frame, layer, width, this.stop.signal);
    const r = picture((await this.block(frame)).get(frame));
    return r ? preview(this.job, r, this.stop.signal) : null;
  }

  // results are those of frames; of frames in parts there are more attempts than frames.
  private async results(frames: string): Promise<Map<number, Result[]>> {
    const found = new Map<number, Result[]>();
    for (let after: number | undefined; ; ) {
      const list: AttemptList = await get<AttemptList>(`/jobs/${this.job}/attempts`, { frames, accepted: true, after, limit: 1000 }, this.stop.signal);
      for (const a of list.attempts ?? []) if (!a.part) found.set(a.frame, a.results ?? []);
      if (!(after = list.next)) return found;
    }
  }

  private block(frame: number): Promise<Map<number, Result[]>> {
    const first = Math.floor((this.of.at.get(frame) ?? 0) / blockSize) * blockSize;
    const tries = this.of.attempts.slice(first, first + blockSize).reduce((n, t) => n + t, 0);
    const known = this.names.get(first);
    if (known?.tries === tries) return known.names;
    const frames = this.of.numbers.slice(first, first + blockSize).join(",");
    const names = this.results(frames);
    names.catch(() => this.names.delete(first));
    this.names.set(first, { tries, names });
    return names;
  }
}
