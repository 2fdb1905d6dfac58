// All jobs: found, sorted, chosen and steered.
import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../../api/call";
import { useData } from "../../api/data";
import { listen } from "../../api/live";
import { ended, type Job, type JobList, type Progress, type Statistics } from "../../api/model";
import { me, submits } from "../../me";
import { Bar, Button, Card, Empty, Head, Loaded, Name, State } from "../../parts/basics";
import { Icon } from "../../parts/icon";
import { Column, type Order, Pager, Pills, Search, Selected, SortBy, Tick, TickAll, useKept, useSelection } from "../../parts/list";
import { ask, hrefWith } from "../../route";
import { count, hours, howFar, moment, number, percent, plain, span, unit } from "../../words";
import { Buttons, everyId, Told, useActions } from "./act";
import { type Asked, atOnce, chosen, filtered, key, read, rising } from "./query";

const choices: [id: string, text: string][] = [
  ["", "All"], ["open", "In progress"], ["active", "Active"], ["queued", "Queued"], ["collecting", "Collecting"], ["paused", "Paused"],
  ["failed", "Failed"], ["done", "Done"], ["canceled", "Canceled"],
];

const sorts: [by: string, text: string, rises?: boolean][] = [
  ["id", "Number"], ["name", "Name", true], ["state", "State", true], ["progress", "Progress"], ["frames", "Frames"], ["failed", "Failed frames"], ["priority", "Priority"],
  ["owner", "Owner", true], ["machine", "Machine time"], ["created", "Sent"], ["started", "Started"], ["ended", "Ended"],
];

const first = { after: undefined, at: undefined };

// cursors are the beginnings of pages that were visited, so that there is a way back to them.
const cursors = new Map<string, string>();

export function Jobs() {
  const a = read();
  const { data, old } = useKept(useData(
    (signal) => get<JobList>("/jobs", { ...chosen(a), sort: a.sort, order: a.order, after: a.after, limit: atOnce }, signal),
    [key(a), a.after], { on: (e) => e.kind === "job" },
  ));
  const owners = useData((signal) => get<Statistics>("/statistics", { by: "owner" }, signal), []);
  const jobs = useProgress(data.value?.jobs ?? []);
  const total = data.value?.total ?? 0;
  const rows = jobs.map((j) => j.id);
  const selection = useSelection(rows, key(a));
  const [allOf, setAllOf] = useState<unknown>(); // all that match are meant, not those that are ticked: until others are ticked
  const all = allOf === selection.ids;
  const actions = useActions(() => {
    selection.clear();
    data.again();
  });
  const gone = () => ask(first);
  useEffect(() => {
    if (data.value && !old && rows.length === 0 && a.after) gone(); // what this page showed was deleted
  });

  const known = all ? [] : jobs.filter((j) => selection.has(j.id));
  const size = all ? total : selection.ids.size;
  const ids = async () => (all ? everyId(chosen(a)) : [...selection.ids]);
  const sortBy = (o: Order) => ask({ sort: o.sort === "id" && o.order === "desc" ? undefined : o.sort, order: o.order === (rising.includes(o.sort) ? "asc" : "desc") ? undefined : o.order, ...first });
  const everyRow = rows.length > 0 && rows.every((id) => selection.has(id));
  return (
    <>
      <Head title="Jobs" sub={data.value ? `${count(total, "job")}${filtered(a) ? " found" : ""}.` : "\u00a0"}>{submits && <a class="button" href="/submit"><Icon name="plus" size={16} />Submit a job</a>}</Head>
      <Filters of={a} owners={owners.value?.rows ?? []} onSort={sortBy} />
      <Told of={actions} />
      <Card class={`flush list ${old ? "old" : ""}`}>
        <Loaded data={data} height={620}>{(list) => list.jobs.length === 0 ? <Nothing of={a} /> : (
          <table aria-label="Jobs" aria-busy={old}>
            <thead><Columns now={a} onSort={sortBy} rows={rows.length} chosen={rows.filter(selection.has).length} onTick={selection.page} /></thead>
            <tbody>{jobs.map((j) => <Row key={j.id} of={j} on={all || selection.has(j.id)} onTick={(on, range) => selection.toggle(j.id, on, range)} />)}</tbody>
          </table>
        )}</Loaded>
      </Card>
      {data.value && <Pages of={a} rows={rows.length} total={total} next={data.value.after} />}
      {size > 0 && submits && (
        <Selected onClear={selection.clear} text={<>
          {all ? <>All {number(total)} selected</> : <>{number(size)} selected</>}
          {!all && everyRow && total > size && <Button kind="plain" onClick={() => setAllOf(selection.ids)}>{`Select all ${number(total)}${filtered(a) ? " that match" : ""}`}</Button>}
        </>}>
          <Buttons jobs={size} known={known} ids={ids} actions={actions} priority={known[0]?.priority ?? 1} />
        </Selected>
      )}
    </>
  );
}

// useProgress keeps rows as fresh as events are, without reading the list again for each frame.
function useProgress(jobs: Job[]): Job[] {
  const came = useRef(new Map<number, Progress>());
  const shown = useRef(jobs);
  const [, redraw] = useState(0);
  if (shown.current !== jobs) {
    shown.current = jobs;
    came.current.clear();
  }
  useEffect(() => {
    let timer = 0;
    const stop = listen({ event: (e) => {
      if (e.kind !== "frame" || !e.progress || !shown.current.some((j) => j.id === e.job)) return;
      came.current.set(e.job, e.progress);
      timer ||= window.setTimeout(() => {
        timer = 0;
        redraw((n) => n + 1);
      }, 400);
    } });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, []);
  return jobs.map((j) => {
    const p = came.current.get(j.id);
    return p ? { ...j, ...nothing, ...p } : j;
  });
}

// nothing are the figures that an event leaves out.
const nothing = { done: 0, failed: 0, running: 0, dispatched: 0, missing: 0, left_s: 0 };

function Filters({ of: a, owners, onSort }: { of: Asked; owners: Statistics["rows"]; onSort: (o: Order) => void }) {
  const [owner, setOwner] = useState(a.owner);
  useEffect(() => setOwner(a.owner), [a.owner]);
  const several = !choices.some(([id]) => id === a.state);
  return (
    <>
      <div class="tools">
        <Search label="Part of a name" value={a.q} onSearch={(q) => ask({ q, ...first })} />
        <form onSubmit={(e) => {
          e.preventDefault();
          ask({ owner: owner.trim(), ...first });
        }}>
          <label class="vh" for="owner">Owner</label>
          <input id="owner" class="owner" list="owners" placeholder="Owner" value={owner} autocomplete="off" spellcheck={false}
            onInput={(e) => setOwner(e.currentTarget.value)} onChange={(e) => ask({ owner: e.currentTarget.value.trim(), ...first })} />
          <datalist id="owners">{owners.map((o) => <option key={o.owner} value={o.owner} />)}</datalist>
        </form>
        {!me.open && submits && <Button pressed={a.owner === me.name} onClick={() => ask({ owner: a.owner === me.name ? undefined : me.name, ...first })}>Mine</Button>}
        <SortBy of={sorts} now={a} onSort={onSort} />
      </div>
      <div class="tools">
        <Pills label="State" now={a.state} of={[...choices, ...(several ? [[a.state, a.state === "ended" ? "Ended" : a.state.split(",").join(", ")] as [string, string]] : [])].map(([id, text]) => [id, text, hrefWith({ state: id, ...first })])} />
        {a.scene && <span class="chip">the very same scene <a href={hrefWith({ scene: undefined, ...first })} aria-label="Any scene"><Icon name="close" size={14} /></a></span>}
      </div>
    </>
  );
}

function Columns({ now, onSort, rows, chosen, onTick }: { now: Order; onSort: (o: Order) => void; rows: number; chosen: number; onTick: (on: boolean) => void }) {
  const c = (by: string, text: string, cls = "") => <Column by={by} text={text} class={cls} now={now} rises={rising.includes(by)} onSort={onSort} />;
  return (
    <tr>
      {submits && <TickAll rows={rows} chosen={chosen} label="Select all jobs of this page" onTick={onTick} />}
      {c("name", "Job", "name")}
      {c("state", "State", "edge")}
      {c("progress", "Progress", "wide how")}
      <th scope="col" class="num wide">Left, or ended</th>
      {c("priority", "Priority", "num middle wide")}
      {c("owner", "Owner", "wide")}
      {c("machine", "Machine time", "num late wide")}
      {c("created", "Sent", "num middle wide")}
    </tr>
  );
}

function Row({ of: j, on, onTick }: { of: Job; on: boolean; onTick: (on: boolean, range: boolean) => void }) {
  const says = (
    <span class="under">
      {howFar(j)}{j.state !== "done" && j.done > 0 && `, ${percent(j.done, j.total)}`}
      {j.failed > 0 && <span class="bad">, {number(j.failed)} failed</span>}
      {j.missing > 0 && <>, waits for {count(j.missing, "file")}</>}
    </span>
  );
  return (
    <tr class={on ? "on" : ""}>
      {submits && <Tick on={on} label={`Select job ${j.id}, ${j.name}`} onTick={onTick} />}
      <td>
        <a class="title" href={`/jobs/${j.id}`}><Name of={j.name} /></a>
        <span class="under nw"> {j.id}</span>
        {j.reason && !ended(j.state) && <span class="under clip" title={plain(j.reason)}><Name of={j.reason} /></span>}
        <div class="narrow"><Bar of={j} noun={unit(j)} />{says}</div>
      </td>
      <td class="edge"><State of={j.state} /></td>
      <td class="wide how"><Bar of={j} noun={unit(j)} />{says}</td>
      <td class="num wide">{ended(j.state) ? <span class="dim" title={when(j.ended)}>{moment(j.ended)}</span> : j.left_s ? span(j.left_s) : ""}</td>
      <td class="num middle wide">{j.priority}</td>
      <td class="wide"><a class="clip owner" href={hrefWith({ owner: j.owner, ...first })} title={`Jobs of ${plain(j.owner)}`}><Name of={j.owner} /></a></td>
      <td class="num late wide">{j.machine_seconds ? hours(j.machine_seconds) : ""}</td>
      <td class="num middle wide"><span title={when(j.created)}>{moment(j.created)}</span></td>
    </tr>
  );
}

const when = (t: string | undefined) => (t ? new Date(t).toLocaleString() : undefined);

function Pages({ of: a, rows, total, next }: { of: Asked; rows: number; total: number; next: string | undefined }) {
  const place = (at: number) => `${key(a)}${at}`;
  if (a.after) cursors.set(place(a.at), a.after);
  const back = Math.max(0, a.at - atOnce);
  const before = a.at === 0 ? undefined : back === 0 ? hrefWith(first) : cursors.has(place(back)) ? hrefWith({ after: cursors.get(place(back)), at: String(back) }) : undefined;
  return (
    <Pager from={a.at} rows={rows} total={total} first={a.after && back > 0 ? hrefWith(first) : undefined} before={before}
      next={next ? hrefWith({ after: next, at: String(a.at + rows) }) : undefined} />
  );
}

const Nothing = ({ of: a }: { of: Asked }) => (
  <div class="nothing">
    {filtered(a) ? <Empty>No job is like that. <a href="/jobs">Show all jobs</a></Empty> : (
      <Empty>No jobs yet. {submits && <>Drop a .blend on this page to <a href="/submit">submit one</a>. </>}<code>netrender render shot.blend -f 1-250 -o frames/</code> sends one.</Empty>
    )}
  </div>
);
