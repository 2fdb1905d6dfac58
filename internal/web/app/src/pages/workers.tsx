// All workers: what they do, how busy they are, and steering many.
import { get } from "../api/call";
import { useData } from "../api/data";
import type { Worker, WorkerList } from "../api/model";
import { admin } from "../me";
import { Button, Card, Empty, Head, Loaded, Name, State } from "../parts/basics";
import { Icon } from "../parts/icon";
import { Column, type Order, Pager, Pills, Search, Selected, SortBy, Tick, TickAll, useSelection } from "../parts/list";
import { blenders, Meter, stateOf, steerWorkers, Task, useJobNames, whyNot, workerStates, type WorkerVerb } from "../parts/workers";
import { ask, asked, hrefWith } from "../route";
import { ago, count, megabytes, number, plain, system } from "../words";

const atOnce = 200; // rows of a page
const rising = ["name", "state"];
const sorts: [by: string, text: string, rises?: boolean][] = [["name", "Name", true], ["state", "State", true], ["cpu", "CPU"], ["memory", "Memory in use"], ["cores", "Cores"], ["seen", "Last heard"]];

async function all(signal: AbortSignal): Promise<Worker[]> {
  const list: Worker[] = [];
  let after: string | undefined;
  do {
    const page: WorkerList = await get<WorkerList>("/workers", { after, limit: 1000 }, signal);
    list.push(...page.workers);
    after = page.next;
  } while (after);
  return list;
}

export function Workers() {
  const data = useData(all, [], { on: (e) => e.kind === "worker" || e.kind === "frame", every: 10_000 });
  const workers = data.value ?? [];
  const [q, state, sort] = [asked("q"), asked("state"), asked("sort") || "name"];
  const order = asked("order") || (rising.includes(sort) ? "asc" : "desc");
  const now: Order = { sort, order: order === "desc" ? "desc" : "asc" };
  const found = workers.filter((w) => matches(w, q));
  const listed = sorted(state ? found.filter((w) => stateOf(w) === state) : found, now);
  const at = Math.min(Math.max(0, Math.floor(Number(asked("at")) || 0)), Math.max(0, Math.ceil(listed.length / atOnce) - 1) * atOnce);
  const shown = listed.slice(at, at + atOnce);
  const names = useJobNames(shown.flatMap((w) => (w.running ?? []).map((r) => r.job)));
  const selection = useSelection(listed.map((w) => w.id), q + state);
  const chosen = listed.filter((w) => selection.has(w.id));
  const sortBy = (o: Order) => ask({ sort: o.sort === "name" ? undefined : o.sort, order: o.order === (rising.includes(o.sort) ? "asc" : "desc") ? undefined : o.order, at: undefined });
  const steer = async (verb: WorkerVerb) => {
    if (!(await steerWorkers(verb, chosen))) return;
    selection.clear();
    data.again();
  };
  const c = (by: string, text: string, cls = "") => <Column by={by} text={text} class={cls} now={now} rises={rising.includes(by)} onSort={sortBy} />;
  return (
    <>
      <Head title="Workers" sub={data.value ? summary(workers) : "\u00a0"}>
        <a class={admin ? "button main" : "button"} href="/add-worker"><Icon name="plus" size={16} />Add a worker</a>
      </Head>
      <div class="tools">
        <Search label="Name, tag, system" value={q} onSearch={(text) => ask({ q: text, at: undefined })} />
        <SortBy of={sorts} now={now} onSort={sortBy} />
      </div>
      <Pills label="State" now={state} of={["", ...workerStates].map((s) => [s, <>{s ? s[0]!.toUpperCase() + s.slice(1) : "All"} <span class="dim">{data.value ? number(s ? found.filter((w) => stateOf(w) === s).length : found.length) : ""}</span></>, hrefWith({ state: s, at: undefined })])} />
      <Card class="flush list">
        <Loaded data={data} height={400}>{() => shown.length === 0 ? (
          <div class="nothing"><Empty>{workers.length > 0 ? <>No worker is like that. <a href="/workers">Show all workers</a></> : <>No workers yet. <a href="/add-worker">Add one</a></>}</Empty></div>
        ) : (
          <table aria-label="Workers">
            <thead><tr>
              {admin && <TickAll rows={listed.length} chosen={chosen.length} label="Select all workers that are listed" onTick={selection.page} />}
              {c("name", "Worker", "host")}
              {c("state", "State", "edge")}
              <th scope="col" class="grow wide">Renders</th>
              {c("cpu", "CPU", "num wide")}
              {c("memory", "Memory", "num wide")}
              {c("cores", "Cores", "num middle wide")}
              <th scope="col" class="middle wide">Blender</th>
            </tr></thead>
            <tbody>{shown.map((w) => <Row key={w.id} of={w} names={names} on={selection.has(w.id)} onTick={(on, range) => selection.toggle(w.id, on, range)} />)}</tbody>
          </table>
        )}</Loaded>
      </Card>
      {listed.length > atOnce && <Pager from={at} rows={shown.length} total={listed.length} before={at > 0 ? hrefWith({ at: at > atOnce ? String(at - atOnce) : undefined }) : undefined}
        next={at + atOnce < listed.length ? hrefWith({ at: String(at + atOnce) }) : undefined} />}
      {admin && chosen.length > 0 && (
        <Selected text={`${number(chosen.length)} selected`} onClear={selection.clear}>
          <Button icon="play" disabled={chosen.every((w) => w.enabled)} onClick={() => steer("enable")}>Enable</Button>
          <Button icon="pause" disabled={chosen.every((w) => w.draining || !w.enabled)} onClick={() => steer("drain")}>Drain</Button>
          <Button icon="retry" disabled={chosen.every((w) => !w.draining)} onClick={() => steer("undrain")}>Take work again</Button>
          <Button icon="stop" disabled={chosen.every((w) => !w.enabled)} onClick={() => steer("disable")}>Disable</Button>
          <Button icon="trash" kind="danger" onClick={() => steer("forget")}>Forget</Button>
        </Selected>
      )}
    </>
  );
}

function summary(workers: Worker[]): string {
  const on = workers.filter((w) => w.online);
  const slots = on.reduce((n, w) => n + w.slots, 0);
  return `${count(workers.length, "worker")}, ${number(on.length)} online with ${count(slots, "slot")} and ${count(on.reduce((n, w) => n + (w.facts?.cores || 0), 0), "core")}.`;
}

function matches(w: Worker, q: string): boolean {
  const f = w.facts;
  const text = [w.name, w.id, w.address, f?.host, f?.cpu, f?.os, system(f?.os), f?.arch, blenders(w), ...(w.tags ?? []), ...(f?.gpus ?? []).flatMap((g) => [g.name, g.kind])].join("\n").toLowerCase();
  return q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function sorted(list: Worker[], { sort, order }: Order): Worker[] {
  const by: Record<string, (w: Worker) => number> = {
    state: (w) => workerStates.indexOf(stateOf(w)), cpu: (w) => (w.online ? w.load?.cpu || 0 : -1), memory: (w) => (w.online ? w.load?.memory_used_mb || 0 : -1),
    cores: (w) => w.facts?.cores || 0, seen: (w) => Date.parse(w.seen),
  };
  const key = by[sort];
  const sign = order === "desc" ? -1 : 1;
  const alike = new Intl.Collator("en", { numeric: true });
  return [...list].sort((a, b) => sign * (key ? key(a) - key(b) : 0) || (key ? 1 : sign) * alike.compare(a.name, b.name));
}

function Row({ of: w, names, on, onTick }: { of: Worker; names: Map<number, string>; on: boolean; onTick: (on: boolean, range: boolean) => void }) {
  const why = whyNot(w);
  const says = <span class="under">{!w.online ? <>last heard {ago(w.seen)}</> : why && <span class="clip" title={plain(why)}><Name of={why} /></span>}</span>;
  const tasks = (w.running ?? []).map((r, i) => <Task key={r.id || i} of={r} name={names.get(r.job)} />);
  const memory = w.facts?.memory_mb;
  return (
    <tr class={on ? "on" : ""}>
      {admin && <Tick on={on} label={`Select ${w.name}`} onTick={onTick} />}
      <td>
        <a class="title" href={`/workers/${w.id}`}><Name of={w.name} /></a>
        <div class="under"><Name of={system(w.facts?.os)} />{(w.tags ?? []).map((t) => <span key={t} class="tag"><Name of={t} /></span>)}</div>
        <div class="narrow under">{tasks}{tasks.length === 0 && says}</div>
      </td>
      <td class="edge"><State of={stateOf(w)} /></td>
      <td class="wide">{tasks}{(tasks.length === 0 || why) && says}</td>
      <td class="num wide"><Meter of={w.online ? w.load?.cpu || 0 : undefined} label="CPU" /></td>
      <td class="num wide"><Meter of={w.online ? w.load?.memory_used_mb || 0 : undefined} whole={memory} text={megabytes(w.load?.memory_used_mb)} label={`of ${megabytes(memory)} of memory`} /></td>
      <td class="num middle wide">{w.facts?.cores || ""}</td>
      <td class="middle wide"><Name of={blenders(w)} /></td>
    </tr>
  );
}
