// How figures and times are said.

const units: [string, number][] = [["d", 86400], ["h", 3600], ["min", 60]];

// span says seconds with at most two units: "2 h 5 min", "40 s", "0.4 s".
export function span(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  let rest = Math.round(seconds / (seconds < 600 ? 1 : 60)) * (seconds < 600 ? 1 : 60);
  for (let i = 0; i < units.length; i++) {
    const [unit, size] = units[i]!;
    if (rest < size) continue;
    const n = Math.floor(rest / size);
    rest -= n * size;
    const [below, each] = units[i + 1] ?? ["s", 1];
    const m = Math.round(rest / each);
    return m > 0 ? `${number(n)} ${unit} ${m} ${below}` : `${number(n)} ${unit}`;
  }
  return `${rest} s`;
}

export function number(n: number): string {
  return n.toLocaleString("en", { maximumFractionDigits: 0 }).replaceAll(",", "\u202f");
}

// rate says frames a second: "24", "23.976".
export const rate = (fps: number) => String(Number(fps.toFixed(3)));

// hours says machine time: "12.5 h", under an hour in minutes.
export function hours(seconds: number): string {
  return seconds < 3600 ? span(seconds) : `${number1(seconds / 3600)} h`;
}

const number1 = (n: number) => (n < 100 ? n.toFixed(1) : number(n));

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  for (const unit of ["kB", "MB", "GB", "TB"]) {
    n /= 1000;
    if (n < 999.5) return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${unit}`;
  }
  return `${number(n)} PB`;
}

export const megabytes = (mb: number | undefined) => (mb ? bytes(mb * 1024 * 1024) : "");

interface Staged {
  total?: number;
  done?: number;
  tiles?: string;
  samples_split?: number;
  staged?: boolean;
  stages?: { stage: string; total: number; done: number }[];
}

// unit is what a job's progress counts: frames, or tasks of several stages.
export const unit = (j: Staged) => (j.stages?.length || j.staged || j.tiles || j.samples_split ? "task" : "frame");

// frames is how many of a job's frames are done and how many there are; undefined: that is not known.
export function frames(j: Staged): { done: number; total: number } | undefined {
  const stages = j.stages ?? [];
  if (stages.length === 0) return unit(j) === "frame" ? { done: j.done || 0, total: j.total || 0 } : undefined;
  return stages.findLast((s) => s.stage === "finish" || s.stage === "render");
}

// howFar says how many frames of a job are done, else how many of its tasks.
export function howFar(j: Staged): string {
  const f = frames(j);
  return f ? `${number(f.done || 0)} of ${count(f.total, "frame")}` : `${number(j.done || 0)} of ${count(j.total || 0, unit(j))}`;
}

export function count(n: number, noun: string): string {
  return `${number(n)} ${noun}${n === 1 ? "" : "s"}`;
}

export const percent = (part: number, whole: number) => (whole > 0 ? `${Math.floor((100 * part) / whole)} %` : "");

// moment is a time as a person says it: today's by the clock, others by the day.
export function moment(text: string | undefined): string {
  if (!text) return "";
  const t = new Date(text);
  if (t.getFullYear() < 2) return "";
  const clock = t.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const today = new Date();
  if (t.toDateString() === today.toDateString()) return clock;
  const day = t.toLocaleDateString([], { day: "numeric", month: "short", ...(t.getFullYear() !== today.getFullYear() && { year: "numeric" }) });
  return `${day}, ${clock}`;
}

export function ago(text: string | undefined, now = Date.now()): string {
  if (!text) return "";
  const s = (now - Date.parse(text)) / 1000;
  return s < 10 ? "just now" : `${span(s < 3600 ? Math.floor(s) : Math.floor(s / 60) * 60)} ago`;
}

// plain replaces what could make text look like other text: control characters and those that turn the direction of
// writing or have no width.
export function plain(text: string | undefined): string {
  return (text ?? "").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g, "\ufffd");
}

const systems: Record<string, string> = { linux: "Linux", darwin: "macOS", windows: "Windows" };
export const system = (os: string | undefined) => systems[os ?? ""] ?? os ?? "";

// result is the address of a result of a job.
export const result = (job: number, file: string) => `/api/v1/jobs/${job}/results/${file.split("/").map(encodeURIComponent).join("/")}`;
