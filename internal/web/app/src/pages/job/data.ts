// A job and its frames, read once and kept fresh by what happens.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Problem, problemOf } from "../../api/call";
import { type Data, useData } from "../../api/data";
import { useGathering } from "../../api/together";
import { listen } from "../../api/live";
import type { Attempt, Event, Job } from "../../api/model";
import { type AttemptList, done, expand, failed, type Grid, next, rendering, type RunningList, waiting } from "./model";

// useJob is the job; its figures come with events, without asking for them.
export function useJob(id: string): Data<Job> {
  const data = useData((signal) => get<Job>(`/jobs/${id}`, {}, signal), [id], { on: (e) => e.kind === "job" && String(e.job) === id });
  const [later, set] = useState<{ of: Job | undefined; progress: Partial<Job> }>();
  const now = useRef(data.value);
  now.current = data.value;
  useEffect(() => listen({
    event: (e) => {
      if (String(e.job) === id && e.kind === "frame" && e.progress) set({ of: now.current, progress: e.progress as Partial<Job> });
    },
  }), [id]);
  if (!data.value || later?.of !== data.value) return data;
  return { ...data, value: { ...data.value, left_s: undefined as unknown as number, ...later.progress } };
}

// Frames are the columns of a grid, with the frame of each row.
export interface Frames {
  numbers: number[];
  at: Map<number, number>; // row of a frame
  total: number; // of the job: more than numbers while the rest comes
  base: number; // Unix milliseconds that started counts from
  states: number[];
  seconds: number[];
  started: number[];
  workers: number[];
  attempts: number[];
  failed: number[];
  memory: number[];
  parts: number[]; // that are there of a frame; empty where frames are rendered whole
  known: number[]; // the newest attempt of the job that the row may have in it
  list: { id: string; name: string }[];
}

const firstPage = 10_000;
const morePage = 50_000;
const atMost = 900; // milliseconds between two looks at what changed

export interface FramesData {
  value?: Frames;
  problem?: Problem;
  version: number; // grows with each change of value's columns
  again: () => void;
}

function join(to: Frames | undefined, g: Grid): Frames {
  const numbers = expand(g.frames);
  const f: Frames = to ?? { numbers: [], at: new Map(), total: g.total, base: g.base, states: [], seconds: [], started: [], workers: [], attempts: [], failed: [], memory: [], parts: [], known: [], list: [] };
  const known = new Map(f.list.map((w, i) => [w.id, i]));
  const place = (g.worker_list ?? []).map((w) => known.get(w.id) ?? f.list.push({ id: w.id, name: w.name }) - 1);
  for (const n of numbers) f.at.set(n, f.numbers.push(n) - 1);
  const add = (column: number[], more: number[] | undefined) => {
    for (const v of more ?? []) column.push(v);
  };
  add(f.states, g.states);
  add(f.seconds, g.seconds);
  add(f.started, g.started);
  add(f.workers, (g.workers ?? []).map((w) => (w < 0 ? -1 : place[w]!)));
  add(f.attempts, g.attempts);
  add(f.failed, g.failed);
  add(f.memory, g.memory);
  add(f.parts, g.parts);
  for (const _ of numbers) f.known.push(g.seq || 0);
  f.total = g.total;
  return f;
}

function worker(f: Frames, id: string, name = ""): number {
  const at = f.list.findIndex((w) => w.id === id);
  if (at < 0) return f.list.push({ id, name }) - 1;
  f.list[at]!.name ||= name; // attempts do not say it
  return at;
}

function take(f: Frames, a: Attempt) {
  if (a.stage && a.stage !== "render" && a.stage !== "finish") return; // it is of no frame
  const i = f.at.get(a.frame);
  if (i === undefined || a.seq <= f.known[i]!) return;
  f.known[i] = a.seq;
  f.attempts[i]!++;
  if (a.part && a.outcome === "done") {
    f.parts[i] = (f.parts[i] ?? 0) + 1;
    return; // of the frame there is more to do
  }
  if (a.outcome !== "done") f.failed[i]!++;
  if (f.states[i] === done && a.outcome !== "done") return;
  f.states[i] = a.outcome === "done" ? done : a.final ? failed : waiting;
  f.seconds[i] = a.seconds || 0;
  f.started[i] = Date.parse(a.started) - f.base;
  f.workers[i] = worker(f, a.worker);
  f.memory[i] = a.memory_mb || 0;
}

function hold(f: Frames, list: RunningList["running"]) {
  for (let i = 0; i < f.states.length; i++) if (f.states[i] === rendering || f.states[i] === next) f.states[i] = waiting;
  for (const l of list) {
    let first = !l.ahead;
    for (const n of l.frames ?? []) {
      const i = f.at.get(n);
      if (i === undefined) continue;
      if (f.states[i] === waiting) {
        f.states[i] = first ? rendering : next;
        f.seconds[i] = 0;
        f.started[i] = Date.parse(l.issued) - f.base;
        f.workers[i] = worker(f, l.worker, l.worker_name);
        first = false;
      }
    }
  }
}

// useFrames reads the frames whole once; then it asks only for what was tried since and what is rendered now.
export function useFrames(id: string): FramesData {
  const [state, set] = useState<{ id?: string; value?: Frames; problem?: Problem; version: number }>({ version: 0 });
  const read = useRef<() => void>(() => {});
  const came = useGathering();
  useEffect(() => {
    const stop = new AbortController();
    let value: Frames | undefined;
    let seq = 0;
    let busy = false;
    let whole = true; // what is wanted
    let stale = false;
    let timer = 0;
    let last = 0;
    const show = () => set((s) => ({ id, value, version: s.version + 1 }));
    const all = async () => {
      whole = false;
      let g = await get<Grid>(`/jobs/${id}/grid`, { limit: firstPage }, stop.signal);
      let fresh = join(undefined, g);
      const since = g.seq || 0; // pages behind it know more
      if (!value && g.next !== undefined) {
        value = fresh; // so that there is something to see
        show();
      }
      while (g.next !== undefined && (g.count || 0) > 0) {
        g = await get<Grid>(`/jobs/${id}/grid`, { after: g.next, limit: morePage }, stop.signal);
        fresh = join(fresh, g);
      }
      value = fresh;
      seq = since;
    };
    const since = async () => {
      for (;;) {
        const list = await get<AttemptList>(`/jobs/${id}/attempts`, { after: seq, limit: 1000 }, stop.signal);
        for (const a of list.attempts ?? []) {
          take(value!, a);
          seq = Math.max(seq, a.seq);
        }
        if (!list.next) break;
      }
      const running: RunningList["running"] = [];
      for (let after: number | undefined; ; ) {
        const list: RunningList = await get<RunningList>(`/jobs/${id}/running`, { after, limit: 1000 }, stop.signal);
        running.push(...(list.running ?? []));
        if (!(after = list.next)) break;
      }
      hold(value!, running);
    };
    const look = async () => {
      timer = 0;
      if (document.hidden) {
        stale = true;
        return;
      }
      busy = true;
      stale = false;
      last = performance.now();
      try {
        if (whole || !value) await all();
        else await since();
        show();
      } catch (err) {
        if (stop.signal.aborted) return;
        whole = true;
        const problem = problemOf(err, true);
        set((s) => ({ ...s, id, problem }));
        if (problem.status === 0) soon(2000);
      } finally {
        came.current();
        busy = false;
        if (stale) soon();
      }
    };
    const soon = (wait = Math.max(0, last + atMost - performance.now())) => {
      if (busy) stale = true;
      else if (!timer && !stop.signal.aborted) timer = window.setTimeout(() => void look(), wait);
    };
    const anew = () => {
      whole = true;
      soon(0);
    };
    read.current = anew;
    void look();
    const deaf = listen({
      event: (e: Event) => {
        if (String(e.job) !== id || e.kind !== "frame" && e.kind !== "job") return;
        if (e.kind === "job" && e.text === "retried" || e.state === "again") whole = true;
        soon();
      },
      again: anew,
    });
    const seen = () => {
      if (!document.hidden && stale) soon(0);
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      stop.abort();
      clearTimeout(timer);
      deaf();
      document.removeEventListener("visibilitychange", seen);
    };
  }, [id]);
  const same = state.id === id;
  return { value: same ? state.value : undefined, problem: same ? state.problem : undefined, version: state.version, again: () => read.current() };
}

// lost tells whether a part of the job (inputs, outputs, logs) was cleaned up.
export const lost = (job: Job, part: string) => (job.removed ?? []).some((r) => r.part === part);

// newest lists the frames that match, those that were tried last first.
export function newest(f: Frames, most: number, match: (row: number) => boolean): number[] {
  const rows: number[] = [];
  for (let i = 0; i < f.numbers.length; i++) if (match(i)) rows.push(i);
  const end = (i: number) => f.started[i]! + 1000 * f.seconds[i]!;
  return rows.sort((a, b) => end(b) - end(a)).slice(0, most).map((i) => f.numbers[i]!);
}

export const counts = (f: Frames) => {
  const n = [0, 0, 0, 0, 0];
  for (const s of f.states) n[s]!++;
  return n;
};

// grows tells whether some parts of a frame are there, and not yet the frame.
export const grows = (f: Frames, row: number) => f.states[row] !== done && (f.parts[row] ?? 0) > 0;

// filmed tells whether the film of a job's frames is there.
export const filmed = (j: Job) => (j.stages ?? []).some((s) => s.stage === "encode" && s.done === 1);
