// What was rendered, day by day: for which jobs, for whom, and by which workers.
import { address, get } from "../../api/call";
import { type Data, useData } from "../../api/data";
import type { Statistics as Sums, StatRow } from "../../api/model";
import { Card, Empty, Head, Loaded, Name } from "../../parts/basics";
import { Pills } from "../../parts/list";
import { Typed } from "../../parts/typed";
import { ask, asked, hrefWith } from "../../route";
import { hours, number, span } from "../../words";
import { Days, type Stack } from "./days";

const most = 8; // colours; what is smaller is one more together
const listed = 200; // rows; all are in the CSV

const whats: [what: string, text: string][] = [["job", "Jobs"], ["owner", "Owners"], ["worker", "Workers"]];
const ranges: [days: number, text: string][] = [[7, "7 days"], [30, "30 days"], [90, "90 days"], [365, "A year"]];

const dayOf = (t: number) => new Date(t).toISOString().slice(0, 10);
const back = (day: string, n: number) => dayOf(Date.parse(day) - n * 86_400_000);

export function Statistics() {
  const today = dayOf(Date.now());
  const to = asked("to") || today;
  const from = asked("from") || back(to, 29);
  const what = whats.find(([w]) => w === asked("by"))?.[0] ?? "job";
  const failures = asked("show") === "failures";
  const fresh = { on: (e: { kind: string }) => to >= today && e.kind === "job", every: 60_000 };
  const daily = useData((signal) => get<Sums>("/statistics", { by: `day,${what}`, from, to }, signal), [what, from, to], fresh);
  const sums = useData((signal) => get<Sums>("/statistics", { by: what, from, to }, signal), [what, from, to], fresh);
  const csv = address("/statistics", { by: `day,${what}`, from, to, format: "csv" });
  const set = (name: "from" | "to") => (day: string) => day && ask({ from, to, [name]: day });
  const days = Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000) + 1;
  return (
    <>
      <Head title="Statistics" sub="Jobs that were deleted count, too. Days are those of UTC.">
        <a class="button" href={csv} download={`netrender-${from}-${to}-${what}.csv`}>CSV</a>
      </Head>
      <div class="line">
        <Pills label="Range" now={to === today ? String(days) : ""} of={ranges.map(([n, text]) => [String(n), text, hrefWith({ from: n === 30 ? undefined : back(today, n - 1), to: undefined })])} />
        <label class="field"><span>From</span><Typed type="date" value={from} max={to} onChange={set("from")} /></label>
        <label class="field"><span>To</span><Typed type="date" value={to} min={from} max={today} onChange={set("to")} /></label>
      </div>
      <Totals of={sums} days={days} />
      <Card title={failures ? "Failed attempts per day" : "Machine hours per day"} aside={
        <span class="line">
          <Pills label="What is shown" now={failures ? "failures" : "hours"} of={[["hours", "Machine hours", hrefWith({ show: undefined })], ["failures", "Failures", hrefWith({ show: "failures" })]]} />
          <Pills label="By" now={what} of={whats.map(([w, text]) => [w, text, hrefWith({ by: w === "job" ? undefined : w })])} />
        </span>
      }>
        <Loaded data={daily} height={300}>{(s) => <Chart of={s} what={what} from={from} to={to} failures={failures} />}</Loaded>
      </Card>
      <Card class="flush" title={whats.find(([w]) => w === what)![1]}>
        <Loaded data={sums} height={240}>{(s) => <Table of={s} what={what} />}</Loaded>
      </Card>
    </>
  );
}

function Totals({ of, days }: { of: Data<Sums>; days: number }) {
  const t = of.value?.total;
  const fields: [string, string][] = t ? [
    ["Machine hours", hours(t.seconds || 0)], ["A day", hours((t.seconds || 0) / Math.max(1, days))], ["Frames", number(t.done || 0)],
    ["Per frame", t.done ? span(t.seconds / t.done) : "none"], ["Failed attempts", number(t.failed || 0)], ["Lost leases", number(t.expired || 0)],
  ] : ["Machine hours", "A day", "Frames", "Per frame", "Failed attempts", "Lost leases"].map((n) => [n, "\u00a0"]);
  return <Card><dl class="totals">{fields.map(([name, text]) => <div key={name}><dt>{name}</dt><dd>{text}</dd></div>)}</dl></Card>;
}

const keyOf = (r: StatRow, what: string) => (what === "job" ? String(r.job) : what === "worker" ? r.worker : r.owner) ?? "";
const nameOf = (r: StatRow, what: string) => (what === "job" ? r.job_name || `job ${r.job}` : what === "worker" ? r.worker_name || r.worker : r.owner) || "nobody";

function Chart({ of, what, from, to, failures }: { of: Sums; what: string; from: string; to: string; failures: boolean }) {
  const rows = of.rows ?? [];
  const days: string[] = [];
  for (let d = from; d <= to && days.length < 4000; d = back(d, -1)) days.push(d);
  const at = new Map(days.map((d, i) => [d, i]));
  const stacks = new Map<string, Stack>();
  for (const r of rows) {
    const i = at.get(r.day);
    if (i === undefined) continue;
    const key = keyOf(r, what);
    let s = stacks.get(key);
    if (!s) stacks.set(key, (s = { name: nameOf(r, what), sum: 0, values: new Array<number>(days.length).fill(0) }));
    const n = failures ? (r.failed || 0) + (r.expired || 0) : (r.seconds || 0) / 3600;
    s.values[i]! += n;
    s.sum += n;
  }
  const sorted = [...stacks.values()].filter((s) => s.sum > 0).sort((a, b) => b.sum - a.sum);
  if (sorted.length > most) {
    const rest = sorted.splice(most - 1);
    sorted.push({ name: `${number(rest.length)} others`, rest: true, sum: rest.reduce((n, s) => n + s.sum, 0), values: days.map((_, i) => rest.reduce((n, s) => n + s.values[i]!, 0)) });
  }
  if (sorted.length === 0) return <Empty>{failures ? "Nothing failed in these days." : "Nothing was rendered in these days."}</Empty>;
  return (
    <>
      <Days days={days} stacks={sorted} says={failures ? (n) => number(n) : (n) => hours(3600 * n)} label={failures ? "Failed attempts and lost leases per day" : "Machine hours per day"} />
      {of.more && <p class="dim small">There is more than can be shown: choose fewer days.</p>}
    </>
  );
}

function Table({ of, what }: { of: Sums; what: string }) {
  const rows = of.rows ?? [];
  if (rows.length === 0) return <div class="nothing"><Empty>Nothing was rendered in these days.</Empty></div>;
  const largest = Math.max(...rows.map((r) => r.seconds || 0), 1e-9);
  return (
    <div class="scroll">
      <table class="sums">
        <thead>
          <tr><th scope="col">{what === "job" ? "Job" : what === "owner" ? "Owner" : "Worker"}</th><th scope="col" class="num"><span class="wide">Machine </span>hours</th><th scope="col" class="wide"><span class="vh">As a bar</span></th><th scope="col" class="num">Frames</th><th scope="col" class="num wide">Per frame</th><th scope="col" class="num">Failed</th><th scope="col" class="num wide">Lost</th></tr>
        </thead>
        <tbody>
          {rows.slice(0, listed).map((r) => (
            <tr key={keyOf(r, what)}>
              <td>{what === "job" ? <a href={`/jobs/${r.job}`}><Name of={nameOf(r, what)} /></a> : what === "worker" ? <a href={`/workers/${r.worker}`}><Name of={nameOf(r, what)} /></a> : <Name of={nameOf(r, what)} />}</td>
              <td class="num">{hours(r.seconds || 0)}</td>
              <td class="wide of"><span class="bar"><i class="running" style={{ width: `${(100 * (r.seconds || 0)) / largest}%` }} /></span></td>
              <td class="num">{number(r.done || 0)}</td>
              <td class="num wide">{r.done ? span(r.seconds / r.done) : ""}</td>
              <td class={r.failed ? "num bad" : "num dim"}>{number(r.failed || 0)}</td>
              <td class="num wide dim">{number(r.expired || 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > listed && <p class="nothing dim">and {number(rows.length - listed)} more, all of them in the CSV</p>}
    </div>
  );
}
