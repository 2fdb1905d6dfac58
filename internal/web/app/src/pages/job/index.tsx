// One job: what it does and why, its frames, pictures, times, files and logs.
import { act } from "../../api/call";
import { ended, type Job } from "../../api/model";
import { me, steers } from "../../me";
import { Bar, Button, Empty, Head, Loaded, Name, State, Tabs } from "../../parts/basics";
import { attempt, sure } from "../../parts/tell";
import { go } from "../../route";
import { count, frames, hours, howFar, number, percent, span, unit } from "../../words";
import { useFrames, useJob } from "./data";
import { Downloads } from "./downloads";
import { Files } from "./files";
import { Frame } from "./frame";
import { FramesTab } from "./frames";
import { Log } from "./log";
import { Overview } from "./overview";
import type { Part } from "./part";
import { Timeline } from "./timeline";
import { Viewer } from "./viewer";

const tabs: [id: string, text: string][] = [["", "Overview"], ["frames", "Frames"], ["viewer", "Viewer"], ["timeline", "Timeline"], ["files", "Files"], ["log", "Log"]];

const parts: Record<string, Part> = { "": Overview, frames: FramesTab, viewer: Viewer, timeline: Timeline, files: Files, log: Log };

export function JobPage({ id = "", tab = "", frame = "" }: { id?: string; tab?: string; frame?: string }) {
  const job = useJob(id);
  const each = useFrames(id);
  const j = job.value;
  const gone = job.problem?.status === 404; // what is left of one that was deleted is of no use
  if (job.problem && (!j || gone)) return <><Head crumbs={<a href="/jobs">Jobs</a>} title={gone ? (j ? `Job ${id} was deleted` : "There is no such job") : "The job cannot be shown"} /><Empty>{job.problem.message} {job.problem.hint}</Empty></>;
  const Shown = frame !== "" && tab === "frames" ? Frame : parts[tab];
  return (
    <>
      <Head crumbs={<><a href="/jobs">Jobs</a> / {id}</>} title={j ? <Name of={j.name} /> : `Job ${id}`} sub={j ? <><State of={j.state} />{j.reason && <> <Name of={j.reason} /></>}</> : "\u00a0"}>
        {j && <Actions of={j} />}
      </Head>
      <div class="jobbar">
        <Bar of={j ?? {}} big noun={unit(j ?? {})} />
        <p>{j ? <Progress of={j} /> : "\u00a0"}</p>
      </div>
      <Tabs label="Parts of the job" now={tab} tabs={tabs.map(([t, text]) => [t, text, t ? `/jobs/${id}/${t}` : `/jobs/${id}`])} />
      {!Shown ? <Empty>A job has no such page.</Empty> : <Loaded data={job} height={400}>{(value) => <Shown job={value} frames={each} frame={frame} may={steers(value)} />}</Loaded>}
    </>
  );
}

function Progress({ of: j }: { of: Job }) {
  const staged = unit(j) === "task";
  return (
    <>
      <span>{howFar(j)}{j.total > 0 && <>, {percent(j.done || 0, j.total)}</>}</span>
      {staged && frames(j) && <span>{number(j.done || 0)} of {count(j.total || 0, "task")}</span>}
      {j.running > 0 && <span class="busy">{staged ? `${count(j.running, "task")} running` : `${number(j.running)} being rendered`}</span>}
      {j.failed > 0 && <span class="bad">{staged ? count(j.failed, "task") : number(j.failed)} failed</span>}
      {j.missing > 0 && <span>waits for {count(j.missing, "file")}</span>}
      {!ended(j.state) && j.left_s ? <span>{span(j.left_s)} left</span> : null}
      {j.machine_seconds > 0 && <span>{hours(j.machine_seconds)} of machine time</span>}
    </>
  );
}

function Actions({ of: j }: { of: Job }) {
  const to = (verb: string, body?: unknown) => () => act("POST", `/jobs/${j.id}/${verb}`, body);
  const remove = async () => {
    if (!(await sure(`Delete ${j.name}?`, "Delete", "Its pictures, logs and files are removed from the master. This cannot be undone."))) return;
    if (await attempt(() => act("DELETE", `/jobs/${j.id}`), "The job is deleted.")) go("/jobs");
  };
  const cancel = async () => {
    if (await sure(`Cancel ${j.name}?`, "Cancel the job", "Frames that are being rendered are dropped; those that are done stay.")) await attempt(to("cancel"), "The job is canceled.");
  };
  const may = steers(j);
  return (
    <>
      {may && j.failed > 0 && <Button kind="main" icon="retry" onClick={() => void attempt(to("retry", { failed: true }), "The failed frames are rendered again.")}>Retry failed frames</Button>}
      {may && !j.failed && j.state === "canceled" && <Button kind="main" icon="play" onClick={() => void attempt(to("retry", { failed: true }), "The job goes on.")}>Let it go on</Button>}
      {may && j.state === "paused" && <Button kind="main" icon="play" onClick={() => void attempt(to("resume"))}>Resume</Button>}
      {may && !ended(j.state) && j.state !== "paused" && <Button icon="pause" onClick={() => void attempt(to("pause"))}>Pause</Button>}
      <Downloads of={j} />
      {may && !ended(j.state) && <Button kind="danger" icon="stop" onClick={() => void cancel()}>Cancel</Button>}
      {may && ended(j.state) && <Button kind="danger" icon="trash" onClick={() => void remove()}>Delete</Button>}
      {!may && <span class="dim small">{me.role === "submit" ? <>It belongs to <Name of={j.owner} />.</> : "Your role may look only."}</span>}
    </>
  );
}

