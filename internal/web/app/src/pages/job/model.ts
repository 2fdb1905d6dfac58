// What the pages of a job read: the API's nouns by short names, and ranges of frames.
import type { Full } from "../../api/model";
import type { components } from "../../api/schema";
import { frameOf, type Viewed, viewOf } from "../../picture";

type S = components["schemas"];

export type Grid = Full<S["Grid"]>;
export type AttemptList = Full<S["AttemptList"]>;
export type RunningList = Full<S["RunningList"]>;
export type FileList = Full<S["FileList"]>;
export type JobFile = Full<S["File"]>;
export type Result = Full<S["Result"]>;
export type Warning = Full<S["Warning"]>;
export type LayerList = Full<S["LayerList"]>;
export type Layer = Full<S["Layer"]>;

// States of a frame in a grid, by their number.
export const waiting = 0;
export const rendering = 1;
export const done = 2;
export const failed = 3;
export const next = 4; // a worker has it and renders another first
export const stateNames = ["waiting", "rendering", "done", "failed", "next"] as const;

// expand lists the frames of a text such as "1-9x2,12".
export function expand(text: string | undefined): number[] {
  const frames: number[] = [];
  for (const part of (text ?? "").split(",")) {
    const m = /^(-?\d+)(?:-(-?\d+)(?:x(\d+))?)?$/.exec(part.trim());
    if (!m) continue;
    const first = Number(m[1]);
    const last = m[2] === undefined ? first : Number(m[2]);
    for (let f = first; f <= last; f += Number(m[3] ?? 1)) frames.push(f);
  }
  return frames;
}

// ranges says rising frames as people write them: "1-20, 31"; of views "Left 1-20, 31, Right 3".
export function ranges(frames: number[], j: Viewed = {}): string {
  const parts: string[] = [];
  let view = -1;
  const put = (first: number, text: string) => {
    const v = viewOf(first);
    parts.push(j.views?.[v] && v !== view ? `${j.views[v].name ?? ""} ${text}` : text);
    view = v;
  };
  for (let i = 0; i < frames.length; ) {
    let k = i;
    while (k + 1 < frames.length && frames[k + 1] === frames[k]! + 1) k++;
    if (k > i + 1) put(frames[i]!, `${frameOf(frames[i]!)}-${frameOf(frames[k]!)}`);
    else for (let n = i; n <= k; n++) put(frames[n]!, String(frameOf(frames[n]!)));
    i = k + 1;
  }
  return parts.join(", ");
}

// numerals writes frames for the API.
export function numerals(frames: number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < frames.length; ) {
    let k = i;
    while (k + 1 < frames.length && frames[k + 1] === frames[k]! + 1) k++;
    parts.push(k > i ? `${frames[i]}-${frames[k]}` : String(frames[i]));
    i = k + 1;
  }
  return parts.join(",");
}

const shows = /\.(jpe?g|png|webp|bmp)$/i;

// picture is the result of a frame that a browser can show: its preview, else what the scene itself writes.
export function picture(results: Result[] | undefined): Result | undefined {
  const of = (kind: string) => results?.find((r) => r.kind === kind && shows.test(r.name));
  return of("preview") ?? of("output");
}

// logOf is the page of an attempt's log.
export const logOf = (job: number, a: { frame: number; lease: number; task?: number }) => `/jobs/${job}/log/${a.frame || 0}?${a.task ? `task=${a.task}&` : ""}lease=${a.lease}`;

// sentence has a capital and a stop.
export { sentence } from "../../api/call";
