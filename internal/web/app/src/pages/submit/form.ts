// What a job is asked to be: the form's values, which of them somebody set, and the words that the API has for them.
import { signal } from "@preact/signals";
import type { Inspection } from "../../api/model";
import { countFrames, lastFrame } from "./frames";

export interface Form {
  name: string;
  frames: string;
  engine: string; // "": the scene's own
  priority: string;
  chunk: string;
  order: string;
  attempts: string; // "": the farm's rule
  timeout: string; // seconds; "": none
  tags: string[];
  allow: string[];
  deny: string[];
  blender: string; // the least version; "": any
  exr: string;
  outputs: boolean;
  preview: boolean;
  scripts: boolean;
  keep: boolean;
  parts: "" | "tiles" | "samples"; // each frame is rendered in
  tiles: string; // as 4x3, or auto
  samples: string; // a number of parts, or auto
  overscan: string; // pixels
  adaptive: boolean; // adaptive sampling stays on in tiles
  film: string; // its format, or auto; "": none
  simulations: "" | "bake" | "order"; // those that are not baked
}

// defaults are those of netrender render.
const defaults: Form = {
  name: "", frames: "", engine: "", priority: "1", chunk: "1", order: "linear", attempts: "", timeout: "", tags: [], allow: [], deny: [], blender: "",
  exr: "full", outputs: true, preview: true, scripts: false, keep: false,
  parts: "", tiles: "auto", samples: "auto", overscan: "0", adaptive: false, film: "", simulations: "",
};

export const form = signal<Form>(defaults);

let touched = new Set<keyof Form>();

// fill sets what nobody set by hand.
export function fill(some: Partial<Form>) {
  const mine = Object.fromEntries(Object.entries(some).filter(([name]) => !touched.has(name as keyof Form)));
  form.value = { ...form.value, ...mine };
}

export function edit<K extends keyof Form>(name: K, to: Form[K]) {
  touched.add(name);
  form.value = { ...form.value, [name]: to };
}

export function clear() {
  touched = new Set();
  form.value = defaults;
}

export const auto = "auto";

// engineOf is what renders, as far as that is known.
export const engineOf = (f: Form, report?: Inspection) => f.engine || report?.scene?.engine || "";

// unbaked are the simulations that matter for the frames: on its first frame one is as it stands.
export function unbaked(f: Form, report?: Inspection) {
  const last = lastFrame(f.frames);
  return (report?.simulations ?? []).filter((s) => last !== undefined && last > (s.start || 0));
}

// fitting is the form without what does not fit the scene, or goes not together.
export function fitting(f: Form, report?: Inspection): Form {
  const simulations = unbaked(f, report);
  const way = simulations.length === 0 || f.simulations === "bake" && simulations.some((s) => s.refused) ? "" : f.simulations;
  const parts = way === "order" || f.parts === "samples" && engineOf(f, report) !== "CYCLES" ? "" : f.parts;
  return { ...f, simulations: way, parts, film: countFrames(f.frames) === 1 ? "" : f.film };
}

// wrong says what of the fields for parts cannot be; "": nothing.
export function wrong(f: Form): string {
  if (f.parts === "tiles" && f.tiles !== auto && !/^\d{1,3}x\d{1,3}$/.test(f.tiles)) return "Write tiles as 4x3: so many across, so many down; or auto.";
  if (f.parts === "samples" && f.samples !== auto && !(/^\d{1,2}$/.test(f.samples) && Number(f.samples) >= 2 && Number(f.samples) <= 64)) return "Write 2 to 64 parts of the samples, or auto.";
  if (f.film && f.exr === "none" && !f.outputs) return "A film is made of the pictures that the scene writes, or of the EXRs: keep one of them.";
  return "";
}

function partsOf(f: Form): { tiles?: string; samples_split?: number } {
  if (f.parts === "tiles" && f.tiles !== auto) return { tiles: f.tiles };
  return f.parts === "samples" && f.samples !== auto ? { samples_split: Number(f.samples) } : {};
}

function bakesOf(f: Form, report?: Inspection) {
  const bakes = new Map<number, object[]>();
  for (const { kind, owner, name, start, end, bake } of unbaked(f, report)) bakes.set(bake || 0, [...(bakes.get(bake || 0) ?? []), { kind, owner, name: name || "", start: start || 0, end: end || 0 }]);
  return [...bakes].sort(([a], [b]) => a - b).map(([, list]) => list);
}

// specOf is the form as a job's specification, with what the scene itself needs, as far as that is known.
export function specOf(all: Form, blend: string, report?: Inspection) {
  const f = fitting(all, report);
  const needs: Partial<Inspection["needs"]> = report?.needs ?? {};
  return {
    name: f.name.trim(), blend, frames: f.frames.replace(/\s/g, ""), chunk: Number(f.chunk || 1), priority: Number(f.priority || 1), order: f.order,
    attempts: Number(f.attempts || 0), timeout_s: Number(f.timeout || 0), keep: f.keep,
    ...partsOf(f),
    ...(f.film && { film: { format: f.film === auto ? "" : f.film } }),
    ...(f.simulations === "bake" && { bakes: bakesOf(f, report) }),
    ...(f.simulations === "order" && { in_order: true }),
    ...(report?.scene?.fps && { fps: report.scene.fps }),
    needs: { ...needs, allow: f.allow, deny: f.deny, tags: f.tags, blender: f.blender.trim() || undefined, ...(f.engine && { engine: f.engine }) },
    options: { scripts: f.scripts, exr: f.exr, outputs: f.outputs, preview: f.preview, ...(report?.colours && { colours: report.colours }), ...(f.engine && { engine: f.engine }), ...(f.parts === "tiles" && { overscan: Number(f.overscan || 0), keep_adaptive: f.adaptive }) },
  };
}

// autoOf is what the farm is to find out: into how many of what each frame is cut; "": nothing.
export function autoOf(all: Form, report?: Inspection): "" | "tiles" | "samples" {
  const f = fitting(all, report);
  return f.parts && f[f.parts] === auto ? f.parts : "";
}

export type Spec = ReturnType<typeof specOf>;
