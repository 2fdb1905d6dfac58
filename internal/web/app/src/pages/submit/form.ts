// What a job is asked to be: the form's values, which of them somebody set, and the words that the API has for them.
import { signal } from "@preact/signals";
import type { Inspection } from "../../api/model";

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
}

// defaults are those of netrender render.
const defaults: Form = {
  name: "", frames: "", engine: "", priority: "1", chunk: "1", order: "linear", attempts: "", timeout: "", tags: [], allow: [], deny: [], blender: "",
  exr: "full", outputs: true, preview: true, scripts: false, keep: false,
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

// specOf is the form as a job's specification, with what the scene itself needs, as far as that is known.
export function specOf(f: Form, blend: string, report?: Inspection) {
  const needs: Partial<Inspection["needs"]> = report?.needs ?? {};
  return {
    name: f.name.trim(), blend, frames: f.frames.replace(/\s/g, ""), chunk: Number(f.chunk || 1), priority: Number(f.priority || 1), order: f.order,
    attempts: Number(f.attempts || 0), timeout_s: Number(f.timeout || 0), keep: f.keep,
    ...(report?.scene?.fps && { fps: report.scene.fps }),
    needs: { ...needs, allow: f.allow, deny: f.deny, tags: f.tags, blender: f.blender.trim() || undefined, ...(f.engine && { engine: f.engine }) },
    options: { scripts: f.scripts, exr: f.exr, outputs: f.outputs, preview: f.preview, ...(report?.colours && { colours: report.colours }), ...(f.engine && { engine: f.engine }) },
  };
}

export type Spec = ReturnType<typeof specOf>;
