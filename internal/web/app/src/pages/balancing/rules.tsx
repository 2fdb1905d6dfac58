// The rules of balancing and failure: each number with what it does, and what another one would change.
import { useEffect, useRef, useState } from "preact/hooks";
import { act, get, Problem } from "../../api/call";
import { useData } from "../../api/data";
import type { Rules, RulesPreview } from "../../api/model";
import { admin, me } from "../../me";
import { Button, Card, Loaded, Name, Trouble } from "../../parts/basics";
import { attempt } from "../../parts/tell";
import { count, number, plain } from "../../words";
import { shares } from ".";

type Key = { [K in keyof Rules]: Rules[K] extends number ? K : never }[keyof Rules];

interface Field {
  key: Key;
  text: string;
  unit: string;
  times?: number; // what the API's number is multiplied by to be shown
  least: number;
  says: (n: number) => string;
}

const fields: Field[] = [
  { key: "cap", text: "Cap", unit: "% of the workers", times: 100, least: 1, says: () => "No job holds more than this part of the workers while another could use them. It may always hold one, and no worker idles because of the cap." },
  { key: "new_frames", text: "First frames", unit: "frames", least: 0, says: (n) => (n > 0 ? `A job of which ${n === 1 ? "no frame" : `fewer than ${number(n)} frames`} ever went to a worker goes first, so that mistakes show early.` : "New jobs do not go first; they wait like all others.") },
  { key: "stale_minutes", text: "Long wait", unit: "minutes", least: 0.5, says: () => "A job with frames waiting and none being rendered goes first when it was given nothing for so long." },
  { key: "attempts", text: "Attempts", unit: "of a frame", least: 1, says: (n) => `A frame that failed ${n === 1 ? "once" : `${number(n)} times`} is given up, unless its job says otherwise.` },
  { key: "out_after", text: "Taken out after", unit: "failed jobs", least: 0, says: (n) => (n > 0 ? `A worker that fails ${count(n, "job")} in a row is taken out, until a person enables it.` : "No worker is taken out, however many jobs it fails.") },
  { key: "heartbeat_ms", text: "Sign of life", unit: "seconds", times: 0.001, least: 0.05, says: (n) => `Workers give one this often. Frames of a worker that is silent for three times as long, ${number1(3 * n)} s, wait again.` },
];

const number1 = (n: number) => String(Math.round(n * 10) / 10);
const shownAs = (f: Field, rules: Rules) => Number(((rules[f.key] || 0) * (f.times ?? 1)).toPrecision(9));

type Draft = Partial<Record<Key, string>>; // as typed; only what differs from what is in force

function drafted(rules: Rules, draft: Draft): Rules {
  const made = { ...rules };
  for (const f of fields) {
    const text = draft[f.key];
    if (text !== undefined) made[f.key] = Number((Number(text) / (f.times ?? 1)).toPrecision(9));
  }
  return made;
}

export function RulesForm() {
  const rules = useData((signal) => get<Rules>("/rules", {}, signal), [], { every: 15_000 });
  const [draft, setDraft] = useState<Draft>({});
  const changed = Object.keys(draft).length > 0;
  const unread = fields.find((f) => draft[f.key] !== undefined && (draft[f.key]!.trim() === "" || !Number.isFinite(Number(draft[f.key]))));
  const edit = (f: Field, text: string, now: Rules) => {
    const { [f.key]: _, ...rest } = draft;
    setDraft(text.trim() !== "" && Number(text) === shownAs(f, now) ? rest : { ...rest, [f.key]: text });
  };
  const save = async () => {
    const change = async () => act("PUT", "/rules", drafted(await get<Rules>("/rules"), draft)); // what somebody else changed meanwhile stays
    if (await attempt(change, "The rules are in force.")) {
      setDraft({});
      rules.again();
    }
  };
  return (
    <Card title="Rules" aside={<>The same as <code>netrender rules</code></>}>
      <Loaded data={rules} height={520}>{(now) => (
        <div class="ruling">
          <form onSubmit={(e) => { e.preventDefault(); if (admin && changed && !unread) void save(); }}>
            {fields.map((f) => {
              const text = draft[f.key] ?? String(shownAs(f, now));
              return (
                <div class={draft[f.key] === undefined ? "rule" : "rule touched"} key={f.key}>
                  <label for={`rule-${f.key}`}>{f.text}</label>
                  <span class="amount">
                    <input id={`rule-${f.key}`} class="short" type="number" inputMode="decimal" min={f.least} step="any" value={text}
                      aria-describedby={`says-${f.key}`} onInput={(e) => edit(f, e.currentTarget.value, now)} /> {f.unit}
                    {draft[f.key] !== undefined && <span class="dim">instead of {shownAs(f, now)}</span>}
                  </span>
                  <p id={`says-${f.key}`} class="dim">{f.says(Number(text) || 0)}</p>
                </div>
              );
            })}
            {admin ? (
              <div class="actions">
                <button type="submit" class="main" disabled={!changed || !!unread}>Save the rules</button>
                <Button onClick={() => setDraft({})} disabled={!changed}>Put back</Button>
              </div>
            ) : <p class="dim">Only admins save rules; you are logged in with the role {me.role}. You may try numbers and see what they would change.</p>}
          </form>
          <section class="preview" aria-live="polite" aria-label="Preview">
            <h3>What would change</h3>
            {!changed ? <p class="dim">Change a number: what it would do to the jobs of this moment is told here before anything is saved.</p>
              : unread ? <p class="bad">{unread.text} needs a number.</p> : <Preview of={drafted(now, draft)} />}
          </section>
        </div>
      )}</Loaded>
    </Card>
  );
}

// Preview asks a moment after the last key, and again as the farm changes. What it said last stays until then.
function Preview({ of }: { of: Rules }) {
  const text = JSON.stringify(of);
  const [asked, setAsked] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text), 200);
    return () => clearTimeout(timer);
  }, [text]);
  const data = useData((): Promise<RulesPreview | Problem> => act<RulesPreview>("POST", "/rules/preview", JSON.parse(asked)).catch((err) => {
    if (err instanceof Problem && err.status === 400) return err;
    throw err;
  }), [asked], { on: shares });
  const last = useRef<RulesPreview | Problem>(undefined);
  last.current = data.value ?? last.current;
  const p = last.current;
  if (!data.value && data.problem) return <Trouble of={data.problem} again={data.again} />;
  if (!p) return <p class="dim">Asking the master.</p>;
  if (p instanceof Problem) return <p class="bad">{plain(p.message)} {plain(p.hint)}</p>;
  const jobs = p.jobs ?? [];
  const slots = Math.max(1, p.slots || 0);
  const differs = jobs.filter((j) => (j.before || 0) !== (j.after || 0));
  const list = [...differs, ...jobs.filter((j) => !differs.includes(j))].slice(0, 12);
  return (
    <>
      <ul class="says">{(p.says ?? []).map((s) => <li key={s}>{plain(s)}</li>)}</ul>
      {list.length > 0 && (
        <table>
          <thead><tr><th scope="col">Job</th><th scope="col" class="num">Now</th><th scope="col">As it is, and with these rules</th></tr></thead>
          <tbody>
            {list.map((j) => (
              <tr key={j.id}>
                <td><a href={`/jobs/${j.id}`}><Name of={j.name} /></a></td>
                <td class="num">{number(j.now || 0)}</td>
                <td class="compare">
                  <span class="bar"><i class="was" style={{ width: `${(100 * (j.before || 0)) / slots}%` }} /></span>
                  <span class="bar"><i class="running" style={{ width: `${(100 * (j.after || 0)) / slots}%` }} /></span>
                  <span class="small">{(j.before || 0) === (j.after || 0) ? `${count(j.after || 0, "slot")}, as before` : `${number(j.before || 0)} → ${count(j.after || 0, "slot")}`}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {jobs.length > list.length && <p class="dim small">and {number(jobs.length - list.length)} more jobs</p>}
    </>
  );
}
