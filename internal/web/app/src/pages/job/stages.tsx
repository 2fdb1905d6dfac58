// The stages of a job that has more than whole frames, and the parts of one of its frames.
import { get } from "../../api/call";
import { useData } from "../../api/data";
import type { Attempt, Job } from "../../api/model";
import { Bar, Card, Empty, Loaded, Name, State } from "../../parts/basics";
import { count, moment, number, percent, plain, span } from "../../words";
import { lost } from "./data";
import { type AttemptList, done, type RunningList, sentence } from "./model";
import type { PartOf } from "./part";

interface Said { title: string; noun: string; does: string }

const known: Record<string, Said> = {
  bake: { title: "Bake", noun: "simulation", does: "Simulations are computed first; frames wait for them." },
  render: { title: "Render", noun: "frame", does: "The frames." },
  finish: { title: "Finish", noun: "frame", does: "The parts of each frame are put together, once all are there." },
  encode: { title: "Film", noun: "film", does: "The frames become a film, once all are there." },
};

const said = (stage: string): Said => known[stage] ?? { title: plain(stage), noun: "task", does: "" };

// parted tells whether frames are rendered in parts, which a stage then puts together.
export const parted = (j: Job) => (j.stages ?? []).some((s) => s.stage === "finish");

// partsOf is how many parts each frame is rendered in.
export function partsOf(j: Job): number {
  const of = (stage: string) => j.stages?.find((s) => s.stage === stage)?.total ?? 0;
  return Math.round(of("render") / Math.max(1, of("finish")));
}

export function Stages({ of: j }: { of: Job }) {
  const stages = j.stages ?? [];
  if (stages.length === 0) return null;
  return (
    <Card class="flush" title="Stages">
      <table class="tight stages">
        <thead><tr><th scope="col">Stage</th><th scope="col">Progress</th><th scope="col" class="num">Done</th><th scope="col" class="wide">Now</th></tr></thead>
        <tbody>
          {stages.map((s) => {
            const { title, noun, does } = said(s.stage);
            const parts = s.stage === "render" && parted(j) ? (j.tiles ? "tile" : "part") : noun;
            const now = [s.failed > 0 && `${number(s.failed)} failed`, s.running > 0 && `${number(s.running)} running`, s.queued > 0 && `${number(s.queued)} waiting`].filter(Boolean).join(", ");
            return (
              <tr key={s.stage}>
                <th scope="row" title={does}>{title}</th>
                <td><Bar of={s} noun={parts} /></td>
                <td class="num nw">{number(s.done || 0)} of {count(s.total || 0, parts)}</td>
                <td class={s.failed > 0 ? "wide bad" : "wide dim"}>{now || (s.done === s.total ? percent(s.done, s.total) : "")}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}

interface Row { key: string; name: string; state: string; tries: number; last: Attempt | undefined; worker: string; since: string; progress: string; task: number | undefined; lease: number | undefined }

const nameOf = (a: { stage?: string; part?: number }, noun: string) => (a.part ? `${noun} ${a.part}` : a.stage === "finish" ? "Finish" : "Frame");

// rowsOf are the parts of a frame, in their order, and what makes the frame of them.
function rowsOf(parts: number, noun: string, whole: boolean, list: Attempt[], stands: Set<number>, running: RunningList["running"], worker: (id: string) => string | undefined): Row[] {
  const rows = new Map<string, Row>();
  const row = (name: string) => {
    let r = rows.get(name);
    if (!r) rows.set(name, (r = { key: name, name, state: "waiting", tries: 0, last: undefined, worker: "", since: "", progress: "", task: undefined, lease: undefined }));
    return r;
  };
  for (let p = 1; p <= parts; p++) row(`${noun} ${p}`);
  row("Finish");
  for (const a of list) {
    const r = row(nameOf(a, noun));
    r.tries++;
    r.last = a;
    r.worker = worker(a.worker) || "a worker that is gone";
    [r.task, r.lease] = [a.task || undefined, a.lease];
    r.state = a.outcome === "done" ? (whole || stands.has(a.seq) ? "done" : "waiting") : a.final ? "failed" : "waiting";
  }
  for (const l of running) {
    const m = /^part (\d+) of/.exec(l.task ?? "");
    const r = row(m ? `${noun} ${m[1]}` : "Finish");
    [r.state, r.worker, r.since] = [l.ahead ? "next" : "rendering", l.worker_name, l.issued];
    [r.task, r.lease] = [l.task_no || undefined, l.id];
    r.progress = l.progress?.started ? `${Math.floor(100 * (l.progress.fraction || 0))} %` : "";
  }
  return [...rows.values()];
}

export function FrameParts({ job: j, frames, n }: Pick<PartOf, "job" | "frames"> & { n: number }) {
  const f = frames.value;
  const at = f?.at.get(n);
  const changed = at === undefined ? "" : `${f!.attempts[at]} ${f!.states[at]}`;
  const data = useData(async (signal) => {
    const ask = (more: object) => get<AttemptList>(`/jobs/${j.id}/attempts`, { frames: n, limit: 1000, ...more }, signal);
    const [all, stands, running] = await Promise.all([ask({}), ask({ accepted: true }), get<RunningList>(`/jobs/${j.id}/running`, { limit: 1000 }, signal)]);
    return { list: all.attempts ?? [], stands: new Set((stands.attempts ?? []).map((a) => a.seq)), running: (running.running ?? []).filter((l) => l.frames?.includes(n)) };
  }, [j.id, n], { on: (e) => e.job === j.id && (e.kind === "frame" || e.kind === "beat" || e.kind === "job") });
  void changed;
  const parts = partsOf(j);
  const noun = j.tiles ? "Tile" : "Part";
  return (
    <Card class="flush" title={`${noun}s`} aside={j.tiles && `${j.tiles}: across, then down`}>
      <Loaded data={data}>{(v) => {
        const rows = rowsOf(parts, noun, at !== undefined && f!.states[at] === done, v.list, v.stands, v.running, (id) => f?.list.find((w) => w.id === id)?.name);
        if (rows.length === 0) return <div class="nothing"><Empty>Nothing yet.</Empty></div>;
        return (
          <div class="scroll tall"><table class="tight">
            <thead><tr><th scope="col">{noun}</th><th scope="col">State</th><th scope="col">Worker</th><th scope="col" class="num">Time</th><th scope="col" class="num wide">Attempts</th><th scope="col" class="wide">Ended</th><th scope="col">Log</th></tr></thead>
            <tbody>{rows.map((r) => (
              <tr key={r.key}>
                <td class="nw">{r.name}</td>
                <td><State of={r.state} />{r.progress && <span class="dim"> {r.progress}</span>}{r.state !== "done" && r.last?.error && <> <Name of={sentence(r.last.error)} /></>}</td>
                <td><Name of={r.worker} /></td>
                <td class="num nw">{r.state === "done" && r.last?.seconds ? span(r.last.seconds) : ""}</td>
                <td class="num wide">{r.tries > 0 ? number(r.tries) : ""}</td>
                <td class="nw wide">{r.state === "done" || r.state === "failed" ? moment(r.last?.ended) : ""}</td>
                <td class="nw">{r.task !== undefined && !lost(j, "logs") && <a href={`/jobs/${j.id}/log/${n}?task=${r.task}&lease=${r.lease}`}>Log<span class="vh"> of {r.name}</span></a>}</td>
              </tr>
            ))}</tbody>
          </table></div>
        );
      }}</Loaded>
    </Card>
  );
}

// taskName says which task of a frame an attempt is of; "" for the frame itself.
export const taskName = (j: Job, a: Attempt) => (a.stage ? nameOf(a, j.tiles ? "Tile" : "Part") : "");
