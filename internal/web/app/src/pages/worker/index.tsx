// A worker: what its machine is and does, what it did, and what may be set.
import { useRef } from "preact/hooks";
import { get } from "../../api/call";
import { useData } from "../../api/data";
import type { Worker, WorkerHistory } from "../../api/model";
import { admin } from "../../me";
import { Button, Card, Empty, Facts, Head, Loaded, Name, State, Tabs } from "../../parts/basics";
import { inPlace, useKept } from "../../parts/list";
import { Meter, stateOf, steerWorkers, Task, useJobNames, whyNot, type WorkerVerb } from "../../parts/workers";
import { asked, go, hrefWith } from "../../route";
import { ago, megabytes, moment, plain, span, system } from "../../words";
import { LoadChart } from "./load";
import { Settings } from "./settings";

type Attempt = WorkerHistory["attempts"][number];

const choices = [1, 4, 8, 10];

export function WorkerPage({ id }: { id: string }) {
  const path = `/workers/${encodeURIComponent(id)}`;
  const known = useRef("");
  const mine = (worker: string) => worker !== "" && worker === (known.current || id);
  // Of frames and beats only the last of each job is told: it may be another worker's.
  const data = useData((signal) => get<Worker>(path, {}, signal), [id], { on: (e) => e.kind === "frame" || e.kind === "beat" || e.kind === "worker" && mine(e.worker), every: 5_000 });
  const w = data.value;
  known.current = w?.id ?? "";
  const steer = async (verb: WorkerVerb) => {
    if (!w || !(await steerWorkers(verb, [w]))) return;
    if (verb === "forget") go("/workers");
    else data.again();
  };
  return (
    <>
      <Head crumbs={<a href="/workers">Workers</a>} title={<Name of={w?.name ?? id} />} sub={w ? <Standing of={w} /> : "\u00a0"}>
        {w && admin && (
          <>
            {!w.enabled && <Button icon="play" kind="main" onClick={() => steer("enable")}>Enable</Button>}
            {w.enabled && (w.draining ? <Button icon="play" kind="main" onClick={() => steer("undrain")}>Take work again</Button>
              : <Button icon="pause" title="It finishes what it renders and takes no more until it is started anew" onClick={() => steer("drain")}>Drain</Button>)}
            {w.enabled && <Button icon="stop" onClick={() => steer("disable")}>Disable</Button>}
            <Button icon="trash" kind="danger" onClick={() => steer("forget")}>Forget</Button>
          </>
        )}
      </Head>
      <Loaded data={data} height={300}>{(worker) => <Now of={worker} />}</Loaded>
      {w && <Load path={path} />}
      {w && <div class="two tight"><Machine of={w} /><Settings of={w} changed={data.again} /></div>}
      {w && <Attempts path={path} />}
    </>
  );
}

const Standing = ({ of: w }: { of: Worker }) => (
  <>
    <State of={stateOf(w)} />{" "}
    <Name of={whyNot(w)} />{!w.online && <>{whyNot(w) && "; "}last heard {ago(w.seen)}</>}
  </>
);

function Now({ of: w }: { of: Worker }) {
  const running = w.running ?? [];
  const names = useJobNames(running.map((r) => r.job));
  const memory = w.facts?.memory_mb;
  const load = w.load;
  return (
    <div class="two tight">
      <Card title="Renders now">
        <div class="tasks">
          {running.map((r, i) => <Task key={r.id || i} of={r} name={names.get(r.job)} />)}
          {running.length === 0 && <Empty>Nothing.</Empty>}
        </div>
      </Card>
      <Card title="Load now">
        {w.online ? (
          <Facts of={[
            ["CPU", <Meter of={load?.cpu || 0} label="CPU" />],
            ["Memory", <Meter of={load?.memory_used_mb || 0} whole={memory} text={`${megabytes(load?.memory_used_mb) || "0 B"} of ${megabytes(memory)}`} label="Memory" />],
            ["GPU", load?.gpu !== undefined && <Meter of={load.gpu} label="GPU" />],
            ["Free disk", megabytes(load?.disk_free_mb)],
            ["Nobody used it for", load?.user_idle_s !== undefined && span(load.user_idle_s)],
          ]} />
        ) : <Empty>It is not there.</Empty>}
      </Card>
    </div>
  );
}

function Load({ path }: { path: string }) {
  const hours = choices.find((h) => String(h) === asked("hours")) ?? 8;
  const { data } = useKept(useData((signal) => get<WorkerHistory>(`${path}/history`, { hours, limit: 0 }, signal), [path, hours], { every: 60_000 }));
  // Until somebody chooses, as much is shown as there is.
  const known = data.value ? ((data.value.cpu ?? []).length * data.value.step_ms) / 3_600_000 : hours;
  const shown = asked("hours") ? hours : (choices.find((h) => h >= known) ?? hours);
  return (
    <Card title="Load, last hours" aside={<span class="actions" onClick={inPlace}>{choices.map((h) => <a key={h} href={hrefWith({ hours: String(h) })} aria-current={h === shown ? "true" : undefined}>{h} h</a>)}</span>}>
      <Loaded data={data} height={190}>{(history) => <LoadChart of={history} hours={shown} />}</Loaded>
    </Card>
  );
}

function Machine({ of: w }: { of: Worker }) {
  const f = w.facts;
  return (
    <Card title="Machine">
      <Facts of={[
        ["System", f && <Name of={`${system(f.os)}, ${f.arch}`} />],
        ["Processor", f?.cpu && <Name of={f.cpu} />],
        ["Cores", f?.cores],
        ["Memory", megabytes(f?.memory_mb)],
        ["GPUs", (f?.gpus ?? []).length > 0 && <ul>{f.gpus.map((g, i) => <li key={i}><Name of={g.name} /> <span class="dim"><Name of={g.kind} /></span></li>)}</ul>],
        ["Blender", (f?.blenders ?? []).length > 0 ? (
          <ul>{f.blenders.map((b, i) => (
            <li key={i}>{plain(b.version)} <span class="dim">{[b.module && "as a Python module", ...(b.engines ?? []).map(engine)].filter(Boolean).join(", ")}{(b.addons ?? []).length > 0 && `; add-ons: ${plain(b.addons.join(", "))}`}</span></li>
          ))}</ul>
        ) : <span class="bad">none</span>],
        ["Host name", f?.host && <Name of={f.host} />],
        ["Address", w.address],
        ["Program", f?.program && <Name of={f.program} />],
        ["Id", <code>{plain(w.id)}</code>],
        ["First came", moment(w.registered)],
        ["Last heard", ago(w.seen)],
      ]} />
    </Card>
  );
}

const engine = (name: string) => plain(({ CYCLES: "Cycles", BLENDER_EEVEE: "Eevee", BLENDER_EEVEE_NEXT: "Eevee", BLENDER_WORKBENCH: "Workbench" } as Record<string, string>)[name] ?? name);

function Attempts({ path }: { path: string }) {
  const failed = asked("failed") === "1";
  const before = asked("before");
  const { data, old } = useKept(useData(
    (signal) => get<WorkerHistory>(`${path}/history`, { hours: 1, limit: 50, failed, before }, signal),
    [path, failed, before], { on: (e) => e.kind === "frame" },
  ));
  const href = (changes: Record<string, string | undefined>) => hrefWith({ before: undefined, ...changes });
  return (
    <Card class={`flush list ${old ? "old" : ""}`} id="history">
      <div class="inner" onClick={inPlace}><Tabs label="History" now={failed ? "failed" : "all"} tabs={[["all", "History", href({ failed: undefined })], ["failed", "Failures", href({ failed: "1" })]]} /></div>
      <Loaded data={data} height={200}>{(h) => h.attempts.length === 0 ? <div class="nothing"><Empty>{failed ? "None of its frames failed." : "It has rendered nothing yet."}</Empty></div> : (
        <table aria-label="Frames that it rendered" aria-busy={old}>
          <thead><tr><th scope="col">Job</th><th scope="col" class="num">Frame</th><th scope="col">Outcome</th><th scope="col" class="num">Took</th><th scope="col" class="num wide">Memory</th><th scope="col" class="wide">Blender</th><th scope="col" class="num wide">Ended</th></tr></thead>
          <tbody>{h.attempts.map((a) => <Row key={a.seq} of={a} />)}</tbody>
        </table>
      )}</Loaded>
      {(before || data.value?.next) && (
        <nav class="pager inner" onClick={inPlace} aria-label="Pages of the history">
          {before && <a class="button" href={href({})}>Newest</a>}
          {data.value?.next && <a class="button" href={href({ before: data.value.next })} rel="next">Older</a>}
        </nav>
      )}
    </Card>
  );
}

const Row = ({ of: a }: { of: Attempt }) => (
  <tr>
    <td><a href={`/jobs/${a.job}`}><Name of={a.job_name || `job ${a.job}`} /></a>{a.error && <div class="under bad"><Name of={a.error} /></div>}</td>
    <td class="num"><a href={`/jobs/${a.job}/frames/${a.frame}`}>{a.frame}</a></td>
    <td><State of={a.outcome} /></td>
    <td class="num">{span(a.seconds)}</td>
    <td class="num wide">{megabytes(a.memory_mb)}</td>
    <td class="wide"><Name of={a.install} /></td>
    <td class="num wide"><span title={new Date(a.ended).toLocaleString()}>{moment(a.ended)}</span></td>
  </tr>
);
