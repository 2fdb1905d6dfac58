// A worker looks at the scene: asked for, waited for, and told what keeps it from looking.
import { signal } from "@preact/signals";
import { act, get, Problem } from "../../api/call";
import { listen } from "../../api/live";
import { type Attempt, ended, type Inspection, type Job, type ReasonList } from "../../api/model";
import { count } from "../../words";

export interface Look {
  job: number; // the inspection's; 0: not announced yet
  state: "sends" | "waits" | "runs" | "done" | "failed";
  why: string; // it waits or failed
  report?: Inspection;
}

export const look = signal<Look | undefined>(undefined);

const often = 3000; // milliseconds between two readings without an event

// follow waits until an inspection is over. What is known meanwhile is told: look has it.
export async function follow(id: number, signal: AbortSignal, tell = (l: Look): void => void (look.value = l)): Promise<Inspection | undefined> {
  for (;;) {
    signal.throwIfAborted();
    const changed = change(id, signal);
    try {
      const job = await get<Job>(`/jobs/${id}`, {}, signal);
      if (job.state === "done") {
        const came = await get<Inspection>(`/jobs/${id}/inspection`, {}, signal);
        const report = { ...came, files: came.files ?? [], errors: came.errors ?? [], warnings: came.warnings ?? [], needs: came.needs ?? {} };
        tell({ job: id, state: "done", why: "", report });
        return report;
      }
      if (ended(job.state)) {
        tell({ job: id, state: "failed", why: await whyFailed(id, signal) || job.reason || "No worker could look at the scene." });
        return undefined;
      }
      tell(job.running > 0 ? { job: id, state: "runs", why: "" } : { job: id, state: "waits", why: job.reason || await whyNot(id, signal) });
    } catch (err) {
      signal.throwIfAborted();
      if (!(err instanceof Problem) || err.status !== 0 && err.status < 500) throw err;
      tell({ job: id, state: "waits", why: err.message });
    }
    await changed;
  }
}

// change is over when something happens to a job, or after a while.
function change(id: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      stop();
      done();
    };
    const timer = setTimeout(end, often);
    const stop = listen({ event: (e) => {
      if (e.job === id || e.kind === "worker") end();
    }, again: end });
    signal.addEventListener("abort", end);
  });
}

// whyNot is what keeps workers from an inspection, in a few words.
async function whyNot(id: number, signal: AbortSignal): Promise<string> {
  const { reasons } = await get<ReasonList>(`/jobs/${id}/why`, { limit: 1000 }, signal);
  const all = reasons ?? [];
  const none = all.filter((r) => !r.worker);
  if (all.length === none.length) return none.map((r) => r.text).join("; ") || "No worker is online.";
  const words = new Map<string, number>();
  for (const r of all) if (r.worker && !r.chosen) words.set(r.text, (words.get(r.text) ?? 0) + 1);
  return [...words].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([text, n]) => `${count(n, "worker")}: ${text}`).join("; ");
}

async function whyFailed(id: number, signal: AbortSignal): Promise<string> {
  const { attempts } = await get<{ attempts: Attempt[] | null }>(`/jobs/${id}/attempts`, { failed: true, limit: 1000 }, signal);
  return attempts?.at(-1)?.error ?? "";
}

// forget removes an inspection that nobody waits for any more.
export function forget() {
  const id = look.value?.job;
  look.value = undefined;
  if (id) remove(id);
}

// remove deletes an inspection; the master does so, too, an hour after it ended.
export const remove = (id: number) => void act("DELETE", `/jobs/${id}`).catch(() => {});
