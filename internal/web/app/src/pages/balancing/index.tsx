// How workers are shared out: who gets the next one, and the rules that decide it.
import { act, get } from "../../api/call";
import { useData } from "../../api/data";
import type { Balance, Event, JobBalance } from "../../api/model";
import { steers } from "../../me";
import { Card, Empty, Head, Loaded, Name, palette } from "../../parts/basics";
import { attempt } from "../../parts/tell";
import { Typed } from "../../parts/typed";
import { count, number, plain } from "../../words";
import { RulesForm } from "./rules";

const shown = 100; // jobs; those behind them do not get the next worker

export const shares = (e: Event) => e.kind === "job" || e.kind === "frame" || e.kind === "worker";

export function Balancing() {
  const balance = useData((signal) => get<Balance>("/balance", { limit: shown }, signal), [], { on: shares, every: 10_000 });
  return (
    <>
      <Head title="Balancing" sub="Jobs share the workers by priority: one of priority 2 gets twice as much as one of priority 1." />
      <Card title="Pools of priority" aside="What each priority gets when every job can use every worker">
        <Loaded data={balance} height={90}>{(b) => <Pools of={b} />}</Loaded>
      </Card>
      <Card class="flush" title="Who gets the next worker" aside={balance.value && `${number(balance.value.busy || 0)} of ${count(balance.value.slots || 0, "slot")} busy`}>
        <Loaded data={balance} height={240}>{(b) => <Order of={b} changed={balance.again} />}</Loaded>
      </Card>
      <RulesForm />
    </>
  );
}

const share = (part: number) => `${(100 * part).toFixed(part < 0.0995 && part > 0 ? 1 : 0)} %`;

function Pools({ of: b }: { of: Balance }) {
  const list = b.pools ?? [];
  if (list.length === 0) return <Empty>No job has frames waiting or being rendered.</Empty>;
  const slots = Math.max(1, b.slots || 0);
  return (
    <>
      <div class="pools" aria-hidden="true">
        {list.map((p, i) => <i key={p.priority} style={{ width: `${100 * (p.share || 0)}%`, background: `var(--c${i % palette})` }} />)}
      </div>
      <ul class="legend pooled">
        {list.map((p, i) => (
          <li key={p.priority}>
            <i class="swatch" style={{ background: `var(--c${i % palette})` }} />
            <b>Priority {number(p.priority)}</b>: {share(p.share || 0)} for {count(p.jobs, "job")}{p.jobs > 1 && <>, {share((p.share || 0) / p.jobs)} each</>}; holds {share((p.assigned || 0) / slots)} now
          </li>
        ))}
      </ul>
    </>
  );
}

const classes: Record<string, string> = {
  new: "goes first: it is new",
  stale: "goes first: it waited long",
};

function Order({ of: b, changed }: { of: Balance; changed: () => void }) {
  const jobs = b.jobs ?? [];
  if (jobs.length === 0) return <div class="nothing"><Empty>No job waits for workers. Submit one, and it stands here.</Empty></div>;
  const slots = Math.max(1, b.slots || 0);
  return (
    <div class="scroll">
      <table class="order">
        <thead>
          <tr>
            <th scope="col" class="num wide">Next</th><th scope="col">Job</th><th scope="col">Priority</th>
            <th scope="col">Holds, of its share</th><th scope="col" class="num wide">Usage</th><th scope="col" class="num wide">Rating</th><th scope="col" class="num wide">Waiting</th>
          </tr>
        </thead>
        <tbody>{jobs.map((j, i) => <Row key={j.id} of={j} place={i + 1} slots={slots} changed={changed} />)}</tbody>
      </table>
      {b.in_all > jobs.length && <p class="nothing dim">and {number(b.in_all - jobs.length)} more behind them</p>}
      <p class="nothing dim small">
        Usage is the part of the farm that a job had lately: every 10 s it moves halfway to what the job holds. Rating is the usage it would have with one worker more, divided by its priority: the lowest goes first; of those less than one worker apart, the one that waited longest. The mark in a bar is the job's share by priority.
      </p>
    </div>
  );
}

function Row({ of: j, place, slots, changed }: { of: JobBalance; place: number; slots: number; changed: () => void }) {
  const held = j.assigned || 0;
  const says = `holds ${held} of ${slots} slots, ${share(held / slots)}; its share is ${share(j.share || 0)}`;
  const why = classes[j.class_name] ?? (j.full ? `at the cap of ${count(j.most || 0, "slot")}` : !j.queued ? "no frame waits" : "");
  return (
    <tr>
      <td class="num dim wide">{place}</td>
      <td class="name"><a href={`/jobs/${j.id}`}><Name of={j.name} /></a><br /><span class="dim small"><Name of={j.owner} />{why && <>; {why}</>}</span></td>
      <td>{steers(j) ? <Priority of={j} changed={changed} /> : number(j.priority)}</td>
      <td class="holds">
        <span class="held" role="img" aria-label={says} title={says}>
          <i style={{ width: `${Math.min(100, (100 * held) / slots)}%` }} />
          <b style={{ left: `${Math.min(100, 100 * (j.share || 0))}%` }} />
        </span>
        <span class="small dim">{number(held)} of {count(slots, "slot")}; share {share(j.share || 0)}</span>
      </td>
      <td class="num wide">{share(j.usage || 0)}</td>
      <td class="num wide">{(j.rating || 0).toFixed(3)}</td>
      <td class="num wide">{number(j.queued || 0)}</td>
    </tr>
  );
}

// Priority is a field that changes the job at once: it is taken back as easily.
function Priority({ of: j, changed }: { of: JobBalance; changed: () => void }) {
  const set = async (text: string) => {
    const priority = Number(text);
    if (!text || priority === j.priority) return;
    if (await attempt(() => act("PATCH", `/jobs/${j.id}`, { priority }), `${j.name} has priority ${priority}.`)) changed();
  };
  return <Typed class="short" type="number" min="1" step="1" value={j.priority} label={`Priority of ${plain(j.name)}`} onChange={set} />;
}
