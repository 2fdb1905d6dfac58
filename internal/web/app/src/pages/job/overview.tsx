// What a job does, why, and what it is made of.
import { useRef } from "preact/hooks";
import { get } from "../../api/call";
import { type Data, useData } from "../../api/data";
import { type Attempt, type Event, type Full, type Job, type Reason, ended } from "../../api/model";
import type { components } from "../../api/schema";
import { Card, Empty, Facts, Loaded, Name, State } from "../../parts/basics";
import { ago, bytes, count, hours, moment, number, rate, result, span, unit } from "../../words";
import { counts, filmed, type Frames, type FramesData, grows, lost, newest } from "./data";
import { Film } from "./film";
import { GrowingPicture, saysParts } from "./growing";
import { type AttemptList, type FileList, logOf, picture, ranges, type RunningList, sentence, stateNames, type Warning } from "./model";
import type { PartOf } from "./part";
import { Again, Settings } from "./settings";
import { Stages, taskName } from "./stages";
import { called } from "../../picture";

const shownPictures = 12;
const shownGrowing = 2; // each is a picture a second
const shownFailures = 12;

export function Overview({ job: j, frames, may }: PartOf) {
  return (
    <>
      <Figures of={j} />
      <Stages of={j} />
      <Missing of={j} />
      <Warnings of={j} />
      {filmed(j) && !lost(j, "outputs") && <Film key={j.ended} of={j} />}
      <Pictures of={j} frames={frames} />
      <Failures of={j} frames={frames} />
      {!ended(j.state) && (
        <div class="two">
          <Running of={j} />
          <Why of={j} />
        </div>
      )}
      <div class="two">
        <Card title="Frames by state" aside={<a href={`/jobs/${j.id}/frames`}>Show each</a>}><States of={frames} job={j} /></Card>
        <About of={j} />
      </div>
      {may && <div class="two"><Settings of={j} /><Again of={j} frames={frames} /></div>}
    </>
  );
}

function Figures({ of: j }: { of: Job }) {
  const took = j.ended && j.started ? (Date.parse(j.ended) - Date.parse(j.started)) / 1000 : 0;
  const each = j.done > 0 && j.render_seconds > 0 ? j.render_seconds / j.done : 0;
  const of: [string, string][] = [
    [ended(j.state) ? "Took" : "Time left", ended(j.state) ? span(took) : j.left_s ? span(j.left_s) : "not known yet"],
    ["Machine time", j.machine_seconds ? hours(j.machine_seconds) : "none"],
    [unit(j) === "task" ? "A task takes" : "A frame takes", each ? span(each) : "not known yet"],
    [ended(j.state) ? "Ended" : "Begun", (ended(j.state) ? moment(j.ended) : moment(j.started)) || "not yet"],
  ];
  return (
    <ul class="figures">
      {of.map(([name, value]) => <li key={name}><span>{name}</span><b>{value}</b></li>)}
    </ul>
  );
}

function Missing({ of: j }: { of: Job }) {
  const data = useData((signal) => (j.missing > 0 ? get<FileList>(`/jobs/${j.id}/missing`, { limit: 8 }, signal) : Promise.resolve({ files: [], next: "" } as FileList)), [j.id, j.missing]);
  const files = data.value?.files ?? [];
  if (!j.missing) return null;
  return (
    <Card class="warns" title={`${count(j.missing, "file")} ${j.missing === 1 ? "has" : "have"} not arrived`} aside={<a href={`/jobs/${j.id}/files`}>All files</a>}>
      <ul class="paths">{files.map((f) => <li key={f.path}><code><Name of={f.original || f.path} /></code> <span class="dim">{bytes(f.size || 0)}</span></li>)}</ul>
      <p class="dim">Whoever sent the job may send it again: what is here is not sent twice.</p>
    </Card>
  );
}

function Warnings({ of: j }: { of: Job }) {
  const data = useData((signal) => get<Warning[]>(`/jobs/${j.id}/warnings`, {}, signal), [j.id], { on: (e) => e.job === j.id && e.kind === "job" });
  const list = data.value ?? [];
  if (list.length === 0) return null;
  return (
    <Card class="warns" title="May be wrong with the pictures">
      <ul class="paths">
        {list.slice(0, 30).map((w) => (
          <li key={w.text}><Name of={sentence(w.text)} /> <a class="small" href={`/jobs/${j.id}/frames/${w.frame || 0}`}>{w.frames > 1 ? `${number(w.frames)} frames, first ${called(j, w.frame || 0)}` : `frame ${called(j, w.frame || 0)}`}</a></li>
        ))}
      </ul>
    </Card>
  );
}

// useAttempts reads the last attempt that counts of each of some frames, again when one was tried once more. What was read
// stays until the new is there.
function useAttempts(id: number, f: Frames | undefined, wanted: number[], which: "accepted" | "failed"): { data: Data<Map<number, Attempt>>; kept: Map<number, Attempt> } {
  const text = [...wanted].sort((a, b) => a - b).join(",");
  const tries = wanted.reduce((n, frame) => n + (which === "failed" ? f!.failed : f!.attempts)[f!.at.get(frame)!]!, 0);
  const kept = useRef(new Map<number, Attempt>());
  const data = useData(async (signal) => {
    if (!text) return new Map<number, Attempt>();
    const list = await get<AttemptList>(`/jobs/${id}/attempts`, { frames: text, [which]: true, limit: 1000 }, signal);
    return new Map((list.attempts ?? []).map((a) => [a.frame, a]));
  }, [id, text, tries]);
  for (const n of kept.current.keys()) if (!wanted.includes(n)) kept.current.delete(n);
  for (const [n, a] of data.value ?? []) if (wanted.includes(n)) kept.current.set(n, a);
  return { data, kept: kept.current };
}

function Pictures({ of: j, frames }: { of: Job; frames: FramesData }) {
  const f = frames.value;
  const wanted = f ? newest(f, shownPictures, (i) => f.states[i] === 2) : [];
  const { data, kept } = useAttempts(j.id, f, wanted, "accepted");
  const growing = !f || lost(j, "outputs") ? [] : newest(f, shownGrowing, (i) => grows(f, i));
  const shown = wanted.filter((n) => picture(kept.get(n)?.results)).slice(0, shownPictures - growing.length);
  const aside = <a href={`/jobs/${j.id}/viewer`}>Play them</a>;
  if (lost(j, "outputs") || (f && j.done > 0 && data.value && wanted.length > 0 && data.value.size > 0 && shown.length === 0)) return null;
  return (
    <Card title="Latest frames" aside={shown.length > 0 && aside}>
      {f && wanted.length + growing.length === 0 ? <Empty>No frame is done yet.</Empty> : (
        <ul class="pictures jobpictures">
          {growing.map((n) => <li key={`${n} grows`}><a href={`/jobs/${j.id}/viewer?frame=${n}`}><GrowingPicture job={j} frame={n} there={f!.parts[f!.at.get(n)!]!} />{called(j, n)}, {saysParts(j, f!.parts[f!.at.get(n)!]!)}</a></li>)}
          {(shown.length > 0 ? shown : wanted).map((n) => {
            const p = picture(kept.get(n)?.results);
            return (
              <li key={n}>
                <a href={`/jobs/${j.id}/frames/${n}`}>
                  {p ? <img src={`${result(j.id, p.name)}?v=${p.sha256.slice(0, 8)}`} alt={`Frame ${called(j, n)}`} loading="lazy" width="160" height="90" /> : <span class="nopicture" />}
                  {called(j, n)}
                </a>
              </li>
            );
          })}
          {!f && <li><a><span class="nopicture" />{"\u00a0"}</a></li>}
        </ul>
      )}
    </Card>
  );
}

function Failures({ of: j, frames }: { of: Job; frames: FramesData }) {
  const f = frames.value;
  const wanted = f ? newest(f, shownFailures, (i) => f.failed[i]! > 0) : [];
  const { kept } = useAttempts(j.id, f, wanted, "failed");
  if (!f || wanted.length === 0) return null;
  const all = f.failed.filter((n) => n > 0).length;
  const workers = new Map(f.list.map((w) => [w.id, w.name]));
  return (
    <Card class="flush" title="What went wrong" aside={all > wanted.length && `the last ${wanted.length} of ${number(all)} frames`}>
      <div class="scroll">
        <table>
          <thead><tr><th scope="col">Frame</th><th scope="col">Why</th><th scope="col" class="wide">Worker</th><th scope="col" class="wide">When</th><th scope="col">Log</th></tr></thead>
          <tbody>
            {wanted.filter((n) => kept.has(n)).map((n) => {
              const a = kept.get(n)!;
              return (
                <tr key={n}>
                  <td><a href={`/jobs/${j.id}/frames/${n}`}>{n}</a>{a.stage && <span class="dim nw"> {taskName(j, a).toLowerCase()}</span>}</td>
                  <td><span class="bad">{a.outcome === "expired" ? "lost" : "failed"}</span>{a.final && <span class="dim"> for good</span>}: <Name of={sentence(a.error || "the worker fell silent")} /> <span class="dim">attempt {a.attempt}</span></td>
                  <td class="wide"><Name of={workers.get(a.worker) || "a worker that is gone"} /></td>
                  <td class="wide nw">{moment(a.ended)}</td>
                  <td>{!lost(j, "logs") && <a href={logOf(j.id, a)}>Log<span class="vh"> of frame {n}</span></a>}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Running({ of: j }: { of: Job }) {
  const data = useData((signal) => get<RunningList>(`/jobs/${j.id}/running`, { limit: 200 }, signal), [j.id], { on: (e: Event) => e.job === j.id && (e.kind === "frame" || e.kind === "beat") });
  return (
    <Card class="flush" title="Being rendered">
      <Loaded data={data}>{(v) => {
        const list = (v.running ?? []).filter((l) => !l.ahead);
        if (list.length === 0) return <div class="nothing"><Empty>Nothing at this moment.</Empty></div>;
        return (
          <table class="tight">
            <thead><tr><th scope="col">Worker</th><th scope="col">{unit(j) === "task" ? "Task" : "Frame"}</th><th scope="col">How far</th></tr></thead>
            <tbody>
              {list.slice(0, 50).map((l) => {
                const b = l.progress;
                return (
                  <tr key={l.id}>
                    <td><a href={`/workers/${l.worker}`}><Name of={l.worker_name || "unknown"} /></a></td>
                    <td class="nw">{l.task ? <TaskOf job={j.id} frame={l.frames?.[0]} name={l.task} /> : b?.started ? <a href={`/jobs/${j.id}/frames/${b.frame || 0}`}>{called(j, b.frame || 0)}</a> : ranges(l.frames ?? [], j)}</td>
                    <td>{b?.started ? <>{Math.floor(100 * (b.fraction || 0))} %{b.left_s ? <>, {span(b.left_s)} left</> : null} <span class="dim"><Name of={b.phase} /></span></> : <span class="dim">begins</span>}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        );
      }}</Loaded>
    </Card>
  );
}

const TaskOf = ({ job, frame, name }: { job: number; frame: number | undefined; name: string }) => (frame === undefined ? <Name of={name} /> : <a href={`/jobs/${job}/frames/${frame}`}><Name of={name} /></a>);

type ReasonList = Full<components["schemas"]["ReasonList"]>;

function Why({ of: j }: { of: Job }) {
  const data = useData((signal) => get<ReasonList>(`/jobs/${j.id}/why`, { limit: 1000 }, signal), [j.id, j.state], { on: (e) => e.kind === "worker" || e.job === j.id && e.kind === "job", every: 10_000 });
  return (
    <Card class="flush" title="Why it gets workers, or does not">
      <Loaded data={data}>{(v) => {
        const by = new Map<string, Reason[]>();
        for (const r of [...(v.reasons ?? [])].sort((a, b) => Number(b.chosen || 0) - Number(a.chosen || 0))) by.set(r.text, [...(by.get(r.text) ?? []), r]);
        if (by.size === 0) return <div class="nothing"><Empty>{j.state === "paused" ? "It is paused." : "There is nothing to say."}</Empty></div>;
        return (
          <table class="tight">
            <thead><tr><th scope="col">Workers</th><th scope="col">Why</th></tr></thead>
            <tbody>
              {[...by].slice(0, 30).map(([text, list]) => {
                const names = list.map((r) => r.worker).filter(Boolean);
                return <tr key={text}><td><Name of={names.slice(0, 6).join(", ") || "the farm"} />{names.length > 6 && <span class="dim"> and {number(names.length - 6)} more</span>}</td><td><Name of={sentence(text)} /></td></tr>;
              })}
            </tbody>
          </table>
        );
      }}</Loaded>
    </Card>
  );
}

export function States({ of, job: j }: { of: FramesData; job: Job }) {
  const f = of.value;
  if (!f) return <div class="waits" style={{ minHeight: "96px" }} />;
  const n = counts(f);
  return (
    <dl class="states">
      {[2, 3, 1, 4, 0].filter((s) => n[s]! > 0).map((s) => {
        const text = ranges(f.numbers.filter((_, i) => f.states[i] === s), j);
        return <div key={s}><dt><State of={stateNames[s]} /> <span class="dim">{number(n[s]!)}</span></dt><dd>{text.length > 300 ? text.slice(0, text.lastIndexOf(",", 300)) + ", ..." : text}</dd></div>;
      })}
    </dl>
  );
}

function About({ of: j }: { of: Job }) {
  const n = j.needs;
  const o = j.options;
  const list = (v: string[] | undefined) => (v ?? []).join(", ");
  return (
    <Card title="About the job">
      <Facts of={[
        ["Number", j.id],
        ["Sent", <>{moment(j.created)} by <Name of={j.owner} /></>],
        ["Begun", j.started ? moment(j.started) : ""],
        ["Ended", j.ended ? `${moment(j.ended)}, ${ago(j.ended)}` : ""],
        ["Priority", j.priority],
        ["Frames", <>{j.frames}{j.order && j.order !== "linear" && <span class="dim">, {j.order}</span>}</>],
        ["Tiles of each frame", j.tiles],
        ["Parts of each frame's samples", j.samples_split || ""],
        ["In order, on one worker", j.in_order ? "yes" : ""],
        ["Frames a second", j.fps ? rate(j.fps) : ""],
        ["Frames a worker takes at once", j.chunk > 1 ? j.chunk : ""],
        ["Scene", <code><Name of={j.blend} /></code>],
        ["Results", <><code><Name of={j.folder} /></code> <span class="dim">below the master's outputs</span></>],
        ["Blender", n.blender && <Name of={n.blender} />],
        ["Engine", (o.engine || n.engine) && <Name of={o.engine || n.engine} />],
        ["Graphics card", n.gpu && <Name of={n.gpu} />],
        ["Memory, at least", n.memory_mb ? `${number(n.memory_mb)} MB` : ""],
        ["Tags", list(n.tags) && <Name of={list(n.tags)} />],
        ["Add-ons", list(n.addons) && <Name of={list(n.addons)} />],
        ["Scripts of the scene", o.scripts ? "run" : "do not run"],
        ["Kept", j.keep ? "is never cleaned up" : ""],
      ]} />
      {(j.removed ?? []).map((r) => <p key={r.part} class="dim">Its {r.part === "inputs" ? "files" : r.part} were removed on {moment(r.at)} by the rule {r.rule}.</p>)}
      <p><code>netrender fetch {j.id}</code> <span class="dim">brings the frames home</span></p>
    </Card>
  );
}
