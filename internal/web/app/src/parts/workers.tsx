// What pages say of workers, and what can be done to them.
import { useEffect, useState } from "preact/hooks";
import { act, get, Problem } from "../api/call";
import type { Glance, Job, Running, Worker } from "../api/model";
import { count, percent, span } from "../words";
import { Name } from "./basics";
import { sure, tell } from "./tell";
import { frame as named } from "../picture";

// stateOf is what a worker does, in a word.
export function stateOf(w: Worker): string {
  if (!w.online) return "offline";
  if (!w.enabled) return "disabled";
  if (w.draining) return "draining";
  if ((w.running ?? []).length > 0) return "working";
  return w.schedule?.open === false ? "resting" : "idle";
}

export const workerStates = ["working", "idle", "resting", "draining", "disabled", "offline"];

// whyNot is why a worker is given nothing; empty: nothing is known against it.
export function whyNot(w: Worker): string {
  if (!w.enabled) return w.reason || "disabled";
  if (w.draining) return "finishes what it renders and takes no more";
  if (w.online && w.load?.idle) return `asks for no frames: ${w.load.idle}`;
  if (w.schedule?.open === false) return w.schedule.text || "";
  return "";
}

export const blenders = (w: Worker) => [...new Set((w.facts?.blenders ?? []).map((b) => b.version))].join(", ");

// Meter is a share, as a bar and as a figure.
export function Meter({ of, whole = 1, text, label }: { of: number | undefined; whole?: number; text?: string; label: string }) {
  if (of === undefined || !whole) return <span class="meter" />;
  const share = Math.min(1, Math.max(0, of / whole));
  return (
    <span class="meter" title={label}>
      <span class="vh">{label} </span>{text ?? percent(share, 1)}
      <span class="track" aria-hidden="true"><i style={{ width: `${100 * share}%` }} /></span>
    </span>
  );
}

// Task is what a slot renders, or will next.
export function Task({ of: r, name }: { of: Running; name: string | undefined }) {
  const p = r.progress;
  const frame = p?.started ? p.frame : r.frames?.[0];
  const called = frame === undefined ? "" : named(frame);
  const more = (r.frames?.length ?? 0) - 1;
  return (
    <div class="task">
      <a href={`/jobs/${r.job}`}><Name of={name ?? `job ${r.job}`} /></a>{", "}
      {p?.started ? (
        <><a href={`/jobs/${r.job}/frames/${frame}`}>{called}</a> <span class="dim">{percent(p.fraction ?? 0, 1)}{p.left_s ? `, ${span(p.left_s)} left` : ""}</span></>
      ) : <>{called}{more > 0 && ` and ${more} more`} <span class="dim">{r.ahead ? "next" : "begins"}</span></>}
    </div>
  );
}

// names of jobs that were asked for; they hardly ever change.
const names = new Map<number, string>();

// useJobNames are the names of jobs, as soon as they are known.
export function useJobNames(ids: number[]): Map<number, string> {
  const [, redraw] = useState(0);
  const unknown = [...new Set(ids)].filter((id) => !names.has(id));
  useEffect(() => {
    if (unknown.length === 0) return;
    const ask = async () => {
      if (unknown.length > 3) for (const j of (await get<Glance>("/glance")).jobs) names.set(j.id, j.name);
      for (const id of unknown) if (!names.has(id)) names.set(id, (await get<Job>(`/jobs/${id}`)).name);
    };
    ask().then(() => redraw((n) => n + 1), () => {}); // its number does meanwhile
  }, [unknown.join()]);
  return names;
}

export type WorkerVerb = "enable" | "disable" | "drain" | "undrain" | "forget";

const verbs: Record<WorkerVerb, { body?: object; did: string }> = {
  enable: { body: { enabled: true }, did: "enabled" },
  disable: { body: { enabled: false }, did: "disabled" },
  drain: { body: { drain: true }, did: "drains" },
  undrain: { body: { drain: false }, did: "takes work again" },
  forget: { did: "forgotten" },
};

const handsAtOnce = 6;

// steerWorkers does something to workers, after a question where it is not lightly taken back. True: it was done.
export async function steerWorkers(verb: WorkerVerb, workers: Worker[]): Promise<boolean> {
  const these = workers.length === 1 ? workers[0]!.name : count(workers.length, "worker");
  if (verb === "disable" && workers.some((w) => (w.running ?? []).length > 0) && !(await sure(`Disable ${these}?`, "Disable", "It takes no more work until it is enabled. To stop gently, drain it: it finishes what it renders."))) return false;
  if (verb === "forget" && !(await sure(`Forget ${these}?`, "Forget", "What it renders is given to others. Its token stays: when its program runs on, it comes back by itself."))) return false;
  const { body, did } = verbs[verb];
  const left = [...workers];
  const wrong: string[] = [];
  await Promise.all(Array.from({ length: handsAtOnce }, async () => {
    for (let w = left.shift(); w; w = left.shift()) {
      try {
        await act(body ? "PATCH" : "DELETE", `/workers/${encodeURIComponent(w.id)}`, body);
      } catch (err) {
        wrong.push(`${w.name}: ${err instanceof Problem ? err.message : String(err)}`);
      }
    }
  }));
  if (wrong.length > 0) tell(`${workers.length > 1 ? `${wrong.length} of ${these}: ` : ""}${wrong[0]}`, true);
  else tell(`${these}: ${did}.`);
  return wrong.length < workers.length;
}
