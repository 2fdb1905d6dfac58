// What goes by itself of jobs that have ended, and what would go now.
import { useEffect, useRef, useState } from "preact/hooks";
import { act, get, Problem, problemOf, send, sentence } from "../../api/call";
import { useData } from "../../api/data";
import type { Cleaned, CleanRule, Cleaning as Rules } from "../../api/model";
import { admin, me } from "../../me";
import { Button, Card, Empty, Loaded, Name, Trouble } from "../../parts/basics";
import { attempt, sure } from "../../parts/tell";
import { bytes, count, number } from "../../words";

type Part = keyof Rules;
type Key = keyof CleanRule;

const parts: [part: Part, text: string, about: string][] = [
  ["outputs", "Results", "Pictures of all kinds that the job's frames gave."],
  ["inputs", "Scene's files", "As far as no other job needs them."],
  ["logs", "Logs", "What Blender said, of every attempt."],
];
const ages: [key: Key, text: string][] = [["done_days", "Done"], ["failed_days", "Failed"], ["canceled_days", "Canceled"]];
const GB = 1e9;

type Draft = Record<string, string>; // by part.key, as typed; only what differs

const shownAs = (key: Key, n: number | undefined) => (!n ? "" : key === "max_bytes" ? String(n / GB) : String(n));

function drafted(now: Rules, draft: Draft): Rules {
  const made = structuredClone(now);
  for (const [name, text] of Object.entries(draft)) {
    const [part, key] = name.split(".") as [Part, Key];
    const n = text.trim() === "" ? 0 : Number(text);
    made[part][key] = key === "max_bytes" ? Math.round(n * GB) : n;
  }
  return made;
}

export function Cleaning() {
  const rules = useData((signal) => get<Rules>("/cleaning", {}, signal), [], { on: (e) => e.kind === "audit" && e.state === "cleaning.change" });
  const [draft, setDraft] = useState<Draft>({});
  const changed = Object.keys(draft).length > 0;
  const wrong = Object.values(draft).some((t) => t.trim() !== "" && !(Number(t) >= 0));
  const save = async () => {
    const change = async () => act("PUT", "/cleaning", drafted(await get<Rules>("/cleaning"), draft)); // what somebody else changed meanwhile stays
    if (!(await attempt(change, "The rules are in force; the farm follows them once an hour."))) return;
    setDraft({});
    rules.again();
  };
  const field = (now: Rules, part: Part, name: Key, text: string) => {
    const id = `${part}.${name}`;
    const is = shownAs(name, now[part]?.[name]);
    const edit = (typed: string) => {
      const { [id]: _, ...rest } = draft;
      setDraft(typed.trim() === is ? rest : { ...rest, [id]: typed });
    };
    return (
      <label class="field" key={id}>
        <span>{text}</span>
        <input class="short" type="number" min="0" step="any" placeholder={name === "max_bytes" ? "no limit" : "never"} readOnly={!admin}
          value={draft[id] ?? is} onInput={(e) => edit(e.currentTarget.value)} />
      </label>
    );
  };
  return (
    <>
      <Card title="What goes by itself" aside={<>The same as <code>netrender clean</code></>}>
        <p class="dim">Of jobs that have ended, so many days after their end. What a job needs that has not ended never goes, nor anything of a job that is to be kept. Where nothing is entered, it stays.</p>
        <Loaded data={rules} height={240}>{(now) => (
          <form class="cleaning" onSubmit={(e) => { e.preventDefault(); if (admin && changed && !wrong) void save(); }}>
            {parts.map(([part, text, about]) => (
              <fieldset key={part}>
                <legend>{text}</legend>
                <p class="dim small">{about}</p>
                <div class="line">
                  {ages.map(([key, state]) => field(now, part, key, `${state}, days`))}
                  {field(now, part, "max_bytes", "At most, GB")}
                </div>
              </fieldset>
            ))}
            {admin ? (
              <div class="actions">
                <button type="submit" class="main" disabled={!changed || wrong}>Save the rules</button>
                <Button onClick={() => setDraft({})} disabled={!changed}>Put back</Button>
                <span class="dim">Beyond the size, jobs that ended first lose theirs.</span>
              </div>
            ) : <p class="dim">Only admins change what goes; you are logged in with the role {me.role}.</p>}
          </form>
        )}</Loaded>
      </Card>
      {admin && <DryRun unsaved={changed} rules={rules.value && changed && !wrong ? drafted(rules.value, draft) : undefined} />}
    </>
  );
}

interface Found { list: Cleaned[]; parts: number; bytes: number; whole: boolean }

const listed = 200; // parts of jobs; more are counted

// read tells of the lines of an answer as they come. It failed if one says so, or if the last is not there.
async function read(path: string, rules: Rules | undefined, tell: (f: Found) => void, signal?: AbortSignal) {
  const answer = await send("POST", path, rules, signal);
  const found: Found = { list: [], parts: 0, bytes: 0, whole: false };
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (!line.trim()) continue;
      const l = JSON.parse(line) as { item?: Cleaned; end?: boolean; error?: { detail?: string; hint?: string } };
      if (l.error) throw new Problem(500, "internal", sentence(l.error.detail ?? "the master could not go on"), sentence(l.error.hint ?? ""));
      if (l.item) {
        found.parts++;
        found.bytes += l.item.bytes || 0;
        if (found.list.length < listed) found.list.push(l.item);
      }
      found.whole ||= !!l.end;
    }
    tell({ ...found });
  }
  if (!found.whole) throw new Problem(0, "unreachable", "The master did not finish its answer.", "Try again.");
}

const nouns: Record<string, string> = { outputs: "results", inputs: "scene's files", logs: "logs" };

function DryRun({ rules, unsaved }: { rules: Rules | undefined; unsaved: boolean }) {
  const [found, setFound] = useState<Found>();
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const [removing, remove] = useState(false);
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const text = JSON.stringify(rules);
  useEffect(() => { // it was about other rules
    running.current?.abort();
    setBusy(false);
    setFound(undefined);
    setProblem(undefined);
  }, [text]);
  const run = async () => {
    running.current?.abort();
    const ours = (running.current = new AbortController());
    setBusy(true);
    setProblem(undefined);
    setFound(undefined);
    try {
      await read(rules ? "/cleaning/preview" : "/cleaning/run?dry=1", rules, (f) => !ours.signal.aborted && setFound(f), ours.signal);
    } catch (err) {
      if (!ours.signal.aborted) setProblem(problemOf(err));
    }
    if (!ours.signal.aborted) setBusy(false);
  };
  const clean = async () => {
    if (!(await sure("Remove now what the rules say?", "Remove it", found ? `${count(found.parts, "part")} of jobs, ${bytes(found.bytes)}. What is removed cannot be brought back.` : "What is removed cannot be brought back."))) return;
    remove(true);
    await attempt(() => read("/cleaning/run", undefined, () => {}), "It is removed.");
    remove(false);
    await run();
  };
  return (
    <Card class="flush" title="What would go now" aside={
      <span class="actions">
        <Button icon="search" disabled={busy || removing || (unsaved && !rules)} onClick={() => void run()}>{unsaved ? "Look, by what is entered" : "Look"}</Button>
        {found?.whole && found.parts > 0 && !unsaved && <Button kind="danger" icon="trash" disabled={busy || removing} onClick={() => void clean()}>Remove it now</Button>}
      </span>
    }>
      <div class="nothing" role="status">
        {problem ? <Trouble of={problem} /> : !found ? <Empty>{busy ? "The master looks." : "Nothing is removed by looking."}</Empty>
          : found.parts === 0 ? found.whole && <Empty>Nothing would go.</Empty>
            : <p><b>{bytes(found.bytes)}</b> of {count(found.parts, "part")} of jobs{found.whole ? " would go" : " so far"}.{found.parts > listed && ` The first ${number(listed)} are listed.`}</p>}
      </div>
      {found && found.list.length > 0 && (
        <div class="scroll">
          <table>
            <thead><tr><th scope="col">Job</th><th scope="col">What</th><th scope="col" class="num">Size</th><th scope="col">By the rule</th></tr></thead>
            <tbody>
              {found.list.map((c) => (
                <tr key={`${c.job}/${c.part}`}>
                  <td><a href={`/jobs/${c.job}`}><Name of={c.name} /></a></td>
                  <td>{nouns[c.part] ?? c.part}</td>
                  <td class="num">{bytes(c.bytes || 0)}</td>
                  <td><code>{c.rule}</code></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
