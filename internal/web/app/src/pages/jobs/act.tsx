// What can be done to many jobs at once, and what became of it for each.
import { useRef, useState } from "preact/hooks";
import { act, get, Problem, problemOf, type Query, sentence } from "../../api/call";
import { type ActionReply, ended, type Job, type JobList } from "../../api/model";
import { Button, Card, Trouble } from "../../parts/basics";
import type { IconName } from "../../parts/icon";
import { sure, tell } from "../../parts/tell";
import { count, number, plain } from "../../words";

const atATime = 250; // jobs of a call: one is done within a second or so

type Verb = "pause" | "resume" | "retry" | "cancel" | "delete" | "priority";

interface Refused { id: number; error: string; hint: string }

interface Outcome { doing: string; did: string; of: number; done: number; refused: Refused[]; running: boolean; problem?: Problem; stopped?: boolean }

const words: Record<Verb, [doing: string, did: string]> = {
  pause: ["Pausing", "Paused"], resume: ["Resuming", "Resumed"], retry: ["Sending back to be rendered", "Sent back to be rendered:"],
  cancel: ["Canceling", "Canceled"], delete: ["Deleting", "Deleted"], priority: ["Changing", "Changed"],
};

// useActions carries out one action at a time. ids says which jobs once it is needed: reading them all may take a while.
export function useActions(whenDone: () => void) {
  const [outcome, set] = useState<Outcome>();
  const stop = useRef(false);
  async function run(verb: Verb, jobs: number, ids: () => Promise<number[]>, more: { priority?: number; all?: boolean } = {}) {
    const [doing, did] = words[verb];
    let now: Outcome = { doing, did, of: jobs, done: 0, refused: [], running: true };
    const show = (change: Partial<Outcome>) => set((now = { ...now, ...change }));
    stop.current = false;
    show({});
    try {
      const all = await ids();
      show({ of: all.length });
      for (let i = 0; i < all.length && !stop.current; i += atATime) {
        const reply = await act<ActionReply>("POST", "/jobs/actions", { action: verb, ids: all.slice(i, i + atATime), ...more });
        const bad = (reply.results ?? []).filter((r) => !r.ok).map((r) => ({ id: r.id, error: sentence((r.error ?? "").replace(`job ${r.id} `, "the job ")), hint: sentence(r.hint ?? "") }));
        show({ done: now.done + (reply.done ?? 0), refused: [...now.refused, ...bad] });
      }
    } catch (err) {
      show({ problem: problemOf(err) });
    }
    show({ running: false, stopped: stop.current });
    if (now.refused.length === 0 && !now.problem && !now.stopped) {
      tell(`${did} ${count(now.done, "job")}.`);
      set(undefined);
    }
    whenDone();
  }
  return { outcome, run, stop: () => (stop.current = true), close: () => set(undefined) };
}

export type Actions = ReturnType<typeof useActions>;

// everyId reads the numbers of all jobs of a filter.
export async function everyId(filter: Query): Promise<number[]> {
  const ids: number[] = [];
  let after: string | undefined;
  do {
    const page = await get<JobList>("/jobs", { ...filter, after, limit: 1000 });
    ids.push(...page.jobs.map((j) => j.id));
    after = page.after;
  } while (after);
  return ids;
}

const can: Record<Exclude<Verb, "priority" | "delete">, (j: Job) => boolean> = {
  pause: (j) => !ended(j.state) && j.state !== "paused",
  resume: (j) => j.state === "paused",
  retry: (j) => j.failed > 0 || j.state === "canceled" || j.state === "failed",
  cancel: (j) => !ended(j.state),
};

// Buttons offer what makes sense for one of the jobs at least; of those that are not on this page nothing is known.
export function Buttons({ jobs, known, ids, actions, priority }: { jobs: number; known: Job[]; ids: () => Promise<number[]>; actions: Actions; priority: number }) {
  const [asking, setAsking] = useState(false);
  const [value, setValue] = useState(String(priority));
  const busy = actions.outcome?.running ?? false;
  const off = (verb: keyof typeof can) => busy || (known.length === jobs && !known.some(can[verb]));
  const these = jobs === 1 ? "this job" : count(jobs, "job");
  const button = (verb: keyof typeof can | "delete", icon: IconName, text: string, question?: [text: string, yes: string, more: string], more: { all?: boolean } = {}) => (
    <Button icon={icon} kind={verb === "delete" ? "danger" : ""} disabled={more.all || verb === "delete" ? busy : off(verb)} onClick={async () => {
      if (!question || (await sure(...question))) await actions.run(verb, jobs, ids, more);
    }}>{text}</Button>
  );
  if (asking) {
    return (
      <form onSubmit={(e) => {
        e.preventDefault();
        setAsking(false);
        void actions.run("priority", jobs, ids, { priority: Number(value) });
      }}>
        <label for="bulkprio">Priority, 1 to 100</label>
        <input id="bulkprio" type="number" min={1} max={100} step={1} required value={value} autofocus onInput={(e) => setValue(e.currentTarget.value)}
          onKeyDown={(e) => e.key === "Escape" && setAsking(false)} />
        <Button type="submit" kind="main">Set</Button>
        <Button onClick={() => setAsking(false)}>Leave it</Button>
      </form>
    );
  }
  return (
    <>
      {button("pause", "pause", "Pause")}
      {button("resume", "play", "Resume")}
      {button("retry", "retry", "Retry failed")}
      {button("retry", "retry", "Render all again", [`Render all frames of ${these} again?`, "Render again", "Pictures that are there stay until new ones take their place."], { all: true })}
      <Button disabled={busy} onClick={() => {
        setValue(String(priority));
        setAsking(true);
      }}>Priority</Button>
      {button("cancel", "stop", "Cancel", [`Cancel ${these}?`, "Cancel", "What is being rendered is dropped. Finished frames stay, and retrying lets a job go on."])}
      {button("delete", "trash", "Delete", [`Delete ${these}?`, "Delete", "The master forgets the jobs, with their frames and logs. This cannot be taken back."])}
    </>
  );
}

// Told shows how far an action is, and what was refused.
export function Told({ of: { outcome: o, stop, close } }: { of: Actions }) {
  if (!o) return null;
  const groups = new Map<string, Refused[]>();
  for (const r of o.refused) groups.set(r.error + r.hint, [...(groups.get(r.error + r.hint) ?? []), r]);
  const gone = o.done + o.refused.length;
  return (
    <Card class={o.running ? "call" : "warns"} title={o.running ? `${o.doing} ${number(o.of)} jobs: ${number(gone)} so far` : `${o.did} ${count(o.done, "job")}${o.refused.length > 0 ? `; ${number(o.refused.length)} ${o.refused.length === 1 ? "was" : "were"} refused` : ""}${o.stopped ? "; then it was stopped" : ""}`}
      aside={o.running ? <Button onClick={stop}>Stop</Button> : <Button kind="plain" icon="close" label="Close" onClick={close} />}>
      {o.problem && <Trouble of={o.problem} />}
      <ul class="refused">
        {[...groups].map(([name, list]) => (
          <li key={name}>
            {plain(list[0]!.error)} {list[0]!.hint && <span class="dim">{plain(list[0]!.hint)}</span>}{" "}
            {list.slice(0, 20).map((r, i) => <>{i > 0 && ", "}<a href={`/jobs/${r.id}`}>{r.id}</a></>)}{list.length > 20 && ` and ${number(list.length - 20)} more`}
          </li>
        ))}
      </ul>
    </Card>
  );
}
