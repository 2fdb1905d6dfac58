// What the master is made of, and how much it keeps.
import { get } from "../../api/call";
import { useData } from "../../api/data";
import type { About as What } from "../../api/model";
import { admin, me } from "../../me";
import { Card, Facts, Loaded, Name, State } from "../../parts/basics";
import { ago, bytes, moment, number, span, system } from "../../words";

export function About() {
  const about = useData((signal) => get<What>("/about", {}, signal), [], { on: (e) => e.kind === "disk", every: 10_000 });
  return (
    <Loaded data={about} height={560}>{(a) => (
      <>
        <Card title="Program" aside={<>The same as <code>netrender about</code></>}>
          <Facts of={[
            ["Netrender", a.program],
            ["Runs on", <><Name of={me.farm} />, {system(a.os)} ({a.arch})</>],
            ["Protocol", `version ${a.protocol}`],
            ["Made with", a.go],
            ["Started", `${moment(a.started)}, ${span(a.uptime_s)} ago`],
            ["Its clock", new Date(a.now).toLocaleString()],
          ]} />
        </Card>
        <div class="two">
          <Card title="Disk"><Disk of={a} /></Card>
          <Card title="Backup"><Backup of={a} /></Card>
        </div>
        <Card title="Database">
          <Facts of={[
            ["Engine", `${a.database.engine} ${a.database.version}`],
            ["Size", bytes(a.database.bytes || 0)],
            ["Schema", `version ${a.database.schema}`],
            ["Read through", a.database.checked ? `${moment(a.database.checked)}, found whole` : !a.database.damage && "not yet"],
            ["Damage", a.database.damage && <span class="bad"><Name of={a.database.damage} /></span>],
            ["File", a.database.path && <code><Name of={a.database.path} /></code>],
            ["Data folder", a.data_folder && <code><Name of={a.data_folder} /></code>],
          ]} />
          {!admin && <p class="dim small">Where the files lie is told to admins.</p>}
        </Card>
        <Card title="What there is">
          <Facts of={[
            ["Jobs", `${number(a.counts.jobs || 0)}, ${number(a.counts.jobs_in_progress || 0)} in progress`],
            ["Workers", `${number(a.counts.workers || 0)}, ${number(a.counts.workers_online || 0)} online`],
            ["Slots", `${number(a.counts.slots || 0)}, ${number(a.counts.slots_busy || 0)} busy`],
            ["Tokens", number(a.counts.tokens || 0)],
            ["Pages and programs that watch", number(a.counts.watchers || 0)],
          ]} />
        </Card>
      </>
    )}</Loaded>
  );
}

function Disk({ of: { disk: d } }: { of: What }) {
  if (!d) return <p class="dim">The system does not tell how full the master's disk is.</p>;
  const used = Math.max(0, (d.total || 0) - (d.free || 0));
  const part = d.total ? used / d.total : 0;
  return (
    <>
      <p><State of={d.state === "ok" ? "ok" : "warn"} /> {bytes(d.free || 0)} free of {bytes(d.total || 0)}</p>
      <p class="bar big" role="meter" aria-label="Used of the master's disk" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * part)}>
        <i class={d.state === "ok" ? "done" : "failed"} style={{ width: `${100 * part}%` }} />
      </p>
      <p class="dim small">The last {bytes(d.reserve || 0)} are kept free of scenes, the last {bytes(d.result_reserve || 0)} of results too.</p>
    </>
  );
}

function Backup({ of: { backup: b } }: { of: What }) {
  const old = b && b.age_s > 7 * 86400;
  return (
    <>
      {b ? <p class={old ? "bad" : ""}>The last one was made {ago(b.time)} ({moment(b.time)}).</p> : <p>No backup is known.</p>}
      <p class="dim">{admin ? <><code>netrender backup FILE</code> writes one while the farm works on; <code>netrender restore</code> brings it back.</> : `An admin makes one with netrender backup.`}</p>
      {!b && <p class="dim small">Copies made by other means are not known here.</p>}
    </>
  );
}
