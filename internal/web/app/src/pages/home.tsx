// What the farm does now, and what needs a person.
import { get, sentence } from "../api/call";
import { type Data, useData } from "../api/data";
import type { AttentionList, Glance, JobGlance, Sharing, WorkerGlance } from "../api/model";
import { admin, submits } from "../me";
import { Bar, Card, Empty, Head, Loaded, Name, State } from "../parts/basics";
import { Icon } from "../parts/icon";
import { ShareChart } from "../parts/share";
import { ago, count, howFar, number, percent, plain, result, span, unit } from "../words";
import { frame } from "../picture";

const shown = 8; // jobs in progress

export function Home() {
  const glance = useData((signal) => get<Glance>("/glance", {}, signal), [], { on: (e) => e.kind !== "attention" && e.kind !== "token" });
  const attention = useData((signal) => get<AttentionList>("/attention", {}, signal), [], { on: (e) => e.kind === "attention" || e.kind === "pair" });
  const share = useData((signal) => get<Sharing>("/share", { minutes: 60 }, signal), [], { every: 10_000 });
  return (
    <>
      <Head title="Home" sub={glance.value ? summary(glance.value) : "\u00a0"}>{submits && <a class="button" href="/submit"><Icon name="plus" size={16} />Submit a job</a>}</Head>
      <Attention data={attention} />
      <div class="dash">
        <div>
          <Card class="flush" title="In progress" aside={<a href="/jobs">All jobs</a>}>
            <Loaded data={glance} height={160}>{(g) => g.jobs.length > 0 ? (
              <ul class="jobrows">
                {g.jobs.slice(0, shown).map((j) => <JobRow key={j.id} of={j} now={g.now} />)}
                {g.jobs_in_progress > shown && <li><a href="/jobs?state=open">and {number(g.jobs_in_progress - shown)} more</a></li>}
              </ul>
            ) : <Nothing />}</Loaded>
          </Card>
          <Card title="Latest frames">
            <Loaded data={glance} height={250}>{(g) => g.latest.length > 0 ? <Pictures of={g} /> : <Empty>No pictures yet.</Empty>}</Loaded>
          </Card>
        </div>
        <div>
          <Card title="Workers" aside={<a href="/workers">All workers</a>}>
            <Loaded data={glance} height={80}>{(g) => <Workers of={g} />}</Loaded>
          </Card>
          <Card title="Share of the farm, last hour">
            <Loaded data={share} height={190}>{(s) => <ShareChart of={s} />}</Loaded>
          </Card>
          <Card class="flush" title="Ended lately">
            <Loaded data={glance} height={120}>{(g) => g.ended.length > 0 ? (
              <ul class="jobrows">{g.ended.map((j) => <JobRow key={j.id} of={j} now={g.now} />)}</ul>
            ) : <div class="nothing"><Empty>No job has ended yet.</Empty></div>}</Loaded>
          </Card>
        </div>
      </div>
    </>
  );
}

function summary(g: Glance): string {
  const active = g.jobs.filter((j) => j.state === "active").length;
  const parts = [...states(g.workers)].map(([state, n]) => `${number(n)} ${state}`);
  return `${count(active, "job")} being rendered, ${count(g.workers.length + g.workers_not_shown, "worker")}${parts.length > 0 ? ": " + parts.join(", ") : ""}.`;
}

function states(workers: WorkerGlance[]): Map<string, number> {
  const n = new Map<string, number>();
  for (const state of ["working", "idle", "resting", "draining", "disabled", "offline"]) {
    const of = workers.filter((w) => w.state === state).length;
    if (of > 0) n.set(state, of);
  }
  return n;
}

function Attention({ data }: { data: Data<AttentionList> }) {
  const list = data.value?.attention ?? [];
  if (list.length === 0) return null;
  return (
    <Card class="warns" title="Needs a person">
      <ul class="attention">
        {list.slice(0, 12).map((a) => {
          const to = a.job ? `/jobs/${a.job}` : a.worker ? `/workers/${a.worker}` : a.kind === "pairing" ? "/add-worker" : a.kind === "notify" ? "/settings/notifications" : "";
          const text = a.name && a.text.startsWith(a.name) ? `${a.text}.` : sentence(a.text); // names stay as they are
          return (
            <li key={a.id}>
              <Icon name="warn" size={16} />
              <span>
                {to ? <a href={to}><Name of={text} /></a> : <Name of={text} />}
                {a.hint && <span class="dim"> <Name of={sentence(a.hint)} /></span>}
              </span>
            </li>
          );
        })}
      </ul>
      {list.length > 12 && <p class="dim">and {number(list.length - 12)} more</p>}
    </Card>
  );
}

function JobRow({ of: j, now }: { of: JobGlance; now: string }) {
  const right = j.state === "active" ? (j.left_s ? `${span(j.left_s)} left` : "") : ago(j.ended, Date.parse(now));
  return (
    <li>
      <a href={`/jobs/${j.id}`}><Name of={j.name} /></a>
      <State of={j.state} />
      {j.state !== "done" && <Bar of={j} noun={unit(j)} />}
      <span class="below">
        <span>
          {howFar(j)}{j.state !== "done" && j.total > 0 && <>, {percent(j.done, j.total)}</>}
          {j.running > 0 && <>, {unit(j) === "task" ? `${count(j.running, "task")} running` : `${number(j.running)} being rendered`}</>}
          {j.failed > 0 && <span class="bad">, {number(j.failed)} failed</span>}
          {j.missing > 0 && <>, waits for {count(j.missing, "file")}</>}
        </span>
        <span>{right}{right && " · "}<Name of={j.owner} /></span>
      </span>
    </li>
  );
}

const Nothing = () => (
  <div class="empty nothing">
    <p>Nothing to render.</p>
    {submits && <p>Drop a .blend on this page to <a href="/submit">submit a job</a>.</p>}
    <p><code>netrender render shot.blend -f 1-250 -o frames/</code> sends one and brings its frames home; the <a href="/addon">Blender add-on</a> does so from inside Blender.</p>
  </div>
);

const named = 24; // workers of which each is a tile with words; more are a strip of states

function Workers({ of: { workers, workers_not_shown: more, jobs } }: { of: Glance }) {
  if (workers.length === 0) return <Empty>No workers yet. {admin ? <a href="/add-worker">Add one</a> : "An admin can add one."}</Empty>;
  const names = new Map(jobs.map((j) => [j.id, j.name]));
  const does = (w: WorkerGlance) => (w.job ? `${names.get(w.job) ?? `job ${w.job}`}${w.frame !== undefined ? `, ${frame(w.frame)}` : ""}` : w.state);
  return (
    <>
      {workers.length <= named ? (
        <ul class="tiles">
          {workers.map((w) => (
            <li key={w.id}>
              <a href={`/workers/${w.id}`} class={w.state}>
                <b><Name of={w.name} /></b>
                <small><Name of={does(w)} /></small>
                <i style={{ width: `${100 * (w.fraction || 0)}%` }} />
              </a>
            </li>
          ))}
        </ul>
      ) : (
        <ul class="strip">
          {workers.map((w) => {
            const says = plain(`${w.name}: ${w.state}${w.job ? ", " + does(w) : ""}`);
            return <li key={w.id}><a class={w.state} href={`/workers/${w.id}`} title={says} aria-label={says} /></li>;
          })}
        </ul>
      )}
      <p class="legend">{[...states(workers)].map(([state, n]) => <span key={state} class={`state ${state}`}>{number(n)} {state}</span>)}{more > 0 && <span>{number(more)} are not shown</span>}</p>
    </>
  );
}

function Pictures({ of: g }: { of: Glance }) {
  return (
    <ul class="pictures">
      {g.latest.map((f) => (
        <li key={`${f.job}/${f.frame}`}>
          <a href={`/jobs/${f.job}/frames/${f.frame}`}>
            <img src={result(f.job, f.file)} alt={`${frame(f.frame)} of ${f.name}`} loading="lazy" width="160" height="90" />
            {frame(f.frame).slice(6)} · <Name of={f.name} />
          </a>
        </li>
      ))}
    </ul>
  );
}
