// Who is told what happens: webhooks, chat, e-mail.
import { useRef, useState } from "preact/hooks";
import { act, get, sentence } from "../../api/call";
import { useData } from "../../api/data";
import type { Answer, Delivery, DeliveryList, KindName, Target, TargetList, TargetReply } from "../../api/model";
import { Button, Card, Empty, Loaded, Name, State } from "../../parts/basics";
import { copy } from "../../parts/command";
import { attempt, sure, tell } from "../../parts/tell";
import { ago, count, moment, plain, span } from "../../words";

export function Notifications() {
  const targets = useData((signal) => get<TargetList>("/notifications", {}, signal), [], { on: (e) => e.kind === "attention" || (e.kind === "audit" && !!e.state?.startsWith("notify.")) });
  const log = useData((signal) => get<DeliveryList>("/notifications/log", {}, signal), [], { on: (e) => e.kind === "audit" || e.kind === "job" || e.kind === "attention" || e.kind === "pair", every: 10_000 });
  const [made, setMade] = useState<TargetReply>();
  const [adding, setAdding] = useState(false);
  const changed = (t?: TargetReply) => {
    if (t?.secret) setMade(t);
    targets.again();
    log.again();
  };
  const kinds = targets.value?.kinds ?? [];
  return (
    <>
      {made && <Secret key={made.secret} of={made} onDone={() => setMade(undefined)} />}
      <Card title="Who is told what happens" aside={<>The same as <code>netrender notify</code></>}>
        <Loaded data={targets} height={160}>{(list) => (
          <>
            {list.targets.length === 0 && !adding && <Empty>Nobody yet. A program is told by a webhook, people by chat or e-mail.</Empty>}
            <ul class="targets">
              {list.targets.map((t) => <OneTarget key={t.id} of={t} kinds={kinds} onChange={changed} />)}
            </ul>
            {adding ? <Edit kinds={kinds} onDone={(t) => { setAdding(false); if (t) changed(t); }} />
              : <div class="actions"><Button kind="main" icon="plus" onClick={() => setAdding(true)}>Add somebody</Button></div>}
          </>
        )}</Loaded>
      </Card>
      <Card class="flush" title="Last messages" aside="Since the master started, and what waits">
        <Loaded data={log} height={120}>{(l) => <Log of={l.deliveries} targets={targets.value?.targets ?? []} kinds={kinds} />}</Loaded>
      </Card>
    </>
  );
}

function OneTarget({ of: t, kinds, onChange }: { of: Target; kinds: KindName[]; onChange: (t?: TargetReply) => void }) {
  const [editing, edit] = useState(false);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<Answer>();
  const at = `/notifications/${t.id}`;
  const test = async () => {
    setBusy(true);
    setSaid(undefined);
    await attempt(async () => setSaid(await act<Answer>("POST", `${at}/test`)));
    setBusy(false);
    onChange();
  };
  const set = async (what: object, done: string) => {
    await attempt(async () => onChange(await act<TargetReply>("PATCH", at, what)), done);
  };
  const renew = async () => {
    if (await sure(`Make a new secret for ${t.name}?`, "Make it", "What is signed with it from now on is refused by a receiver that knows the old one only.")) await set({ new_secret: true }, "The new secret is in force.");
  };
  const turn = async () => {
    if (t.enabled && !(await sure(`Tell ${t.name} nothing more?`, "Disable it", "What waits for it is dropped."))) return;
    await set({ enabled: !t.enabled }, t.enabled ? `${t.name} is told nothing more.` : `${t.name} is told what happens.`);
  };
  const remove = async () => {
    if (!(await sure(`Remove ${t.name}?`, "Remove it", "What waits for it is dropped. Its address and its secret are forgotten."))) return;
    if (await attempt(() => act("DELETE", at), `${t.name} is removed.`)) onChange();
  };
  const state = t.enabled ? (moment(t.failing_since) ? "failed" : "ok") : "disabled";
  return (
    <li>
      <div class="target">
        <div>
          <h3><Name of={t.name} /></h3>
          <p class="dim small"><Name of={t.where} /></p>
          <p class="small">
            {t.kinds.length === kinds.length ? "Everything" : t.kinds.map((k) => said1(kinds, k)).join(", ")}
            {t.owner && <>; of jobs those of <Name of={t.owner} /></>}
          </p>
        </div>
        <p class="stands">{state === "ok" ? <State of="ok" /> : <span class={`state ${state}`}>{state === "failed" ? `fails since ${moment(t.failing_since)}` : "disabled"}</span>}
          {t.error && <span class="dim small">{plain(sentence(t.error))}</span>}</p>
        <div class="actions">
          <Button disabled={busy} onClick={() => void test()} label={`Send a test to ${t.name}`} title="A message now">Send a test</Button>
          <Button onClick={() => edit(!editing)} pressed={editing} label={`Change ${t.name}`} title="Name, address and what is told">Change</Button>
          <Button onClick={() => void turn()} label={t.enabled ? `Disable ${t.name}` : `Enable ${t.name}`}>{t.enabled ? "Disable" : "Enable"}</Button>
          <Button kind="danger" icon="trash" label={`Remove ${t.name}`} onClick={() => void remove()} />
        </div>
      </div>
      <p class="said" role="status">{busy ? <span class="dim">It is asked; that takes 10 s at most.</span> : said && <Said of={said} />}</p>
      {editing && <Edit of={t} kinds={kinds} onRenew={() => void renew()} onDone={(made) => { edit(false); if (made) onChange(made); }} />}
    </li>
  );
}

const said1 = (kinds: KindName[], kind: string) => kinds.find((k) => k.kind === kind)?.text ?? kind;

const Said = ({ of: a }: { of: Answer }) => (
  <>
    <span class={`state ${a.ok ? "ok" : "failed"}`}>{a.ok ? `It got there in ${span(a.took_s || 0)}` : "It did not get there"}</span>
    {(a.status || a.answer) && <span class="dim"> {a.status ? `${a.status} ` : ""}{plain(a.answer)}</span>}
  </>
);

const forms: [what: string, url: string][] = [
  ["A program (webhook)", "https://HOST/PATH"],
  ["E-mail", "smtp://USER:PASSWORD@HOST:587/?from=FARM@STUDIO&to=YOU@STUDIO"],
  ["Discord", "discord://TOKEN@WEBHOOK-ID"],
  ["Slack", "slack://hook:AAAAAAAAA-BBBBBBBBB-24-LETTERS@webhook"],
  ["Matrix", "matrix://USER:PASSWORD@HOST/?rooms=!ROOM:HOST"],
  ["Telegram", "telegram://TOKEN@telegram?chats=@CHANNEL"],
  ["Mattermost", "generic+https://HOST/hooks/TOKEN?template=json&messagekey=text"],
  ["ntfy", "generic+https://ntfy.sh/TOPIC"],
];

// Edit makes a target, or changes one.
function Edit({ of: t, kinds, onDone, onRenew }: { of?: Target; kinds: KindName[]; onDone: (t?: TargetReply) => void; onRenew?: () => void }) {
  const [name, setName] = useState(t?.name ?? "");
  const [url, setURL] = useState("");
  const [owner, setOwner] = useState(t?.owner ?? "");
  const [chosen, choose] = useState<string[]>(t?.kinds ?? kinds.map((k) => k.kind));
  const [busy, setBusy] = useState(false);
  const ready = chosen.length > 0 && (t ? name.trim() !== "" : url.trim() !== "") && !busy;
  const save = async () => {
    setBusy(true);
    const what = { name: name.trim(), owner: owner.trim(), kinds: chosen, ...(url.trim() && { url: url.trim() }) };
    const path = t ? `/notifications/${t.id}` : "/notifications";
    await attempt(async () => onDone(await act<TargetReply>(t ? "PATCH" : "POST", path, what)), t ? "It is changed." : "It is told what happens from now on.");
    setBusy(false);
  };
  return (
    <form class="targeting" aria-label={t ? `Change ${plain(t.name)}` : "Add somebody"} onSubmit={(e) => { e.preventDefault(); if (ready) void save(); }}>
      <div class="line">
        <label class="field"><span>Name</span><input value={name} maxLength={200} required={!!t} autocomplete="off" placeholder="pipeline, or anna" onInput={(e) => setName(e.currentTarget.value)} /></label>
        <label class="field grow"><span>Address{t && " (it is not shown again; empty: as it is)"}</span><input class="code" value={url} required={!t} maxLength={2000} autocomplete="off" spellcheck={false} placeholder={t ? t.where : "https://… or smtp://…"} onInput={(e) => setURL(e.currentTarget.value)} /></label>
        <label class="field"><span>Of jobs only those of</span><input value={owner} maxLength={200} autocomplete="off" placeholder="everybody" onInput={(e) => setOwner(e.currentTarget.value)} /></label>
      </div>
      <fieldset>
        <legend>Is told when</legend>
        {kinds.map((k) => (
          <label key={k.kind}>
            <input type="checkbox" checked={chosen.includes(k.kind)} onChange={(e) => choose(e.currentTarget.checked ? [...chosen, k.kind] : chosen.filter((c) => c !== k.kind))} />
            <span>{k.text}</span>
          </label>
        ))}
      </fieldset>
      <div class="actions">
        <button type="submit" class="main" disabled={!ready}>{t ? "Save" : "Add"}</button>
        <Button onClick={() => onDone()}>Leave it</Button>
        {t?.where.match(/^https?:/) && onRenew && <Button onClick={onRenew}>New secret</Button>}
      </div>
      <details>
        <summary>How addresses are written</summary>
        <div class="scroll" tabIndex={0} role="group" aria-label="How addresses are written">
          <table>
            <thead><tr><th scope="col">For</th><th scope="col">Address</th></tr></thead>
            <tbody>{forms.map(([what, form]) => <tr key={what}><td class="nw">{what}</td><td><code>{form}</code></td></tr>)}</tbody>
          </table>
        </div>
        <p class="dim small">An @ in a name or a password is written as %40. More services are in docs/notifications.md.</p>
      </details>
    </form>
  );
}

// Secret is shown once.
function Secret({ of: t, onDone }: { of: TargetReply; onDone: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const take = async () => {
    if (await copy(t.secret)) return tell("The secret is copied.");
    field.current?.select();
    tell("The browser does not let this page copy; copy what is marked yourself.", true);
  };
  return (
    <Card class="call" title={<>The secret of <Name of={t.name} /></>}>
      <p>The receiver checks with it that a message is from this farm (Standard Webhooks). It is shown this once.</p>
      <div class="line">
        <input ref={field} class="secret code" readOnly value={t.secret} aria-label="Secret of the webhook" onFocus={(e) => e.currentTarget.select()} />
        <Button kind="main" icon="copy" onClick={() => void take()}>Copy</Button>
        <Button onClick={onDone}>I have it</Button>
      </div>
    </Card>
  );
}

function Log({ of: list, targets, kinds }: { of: Delivery[]; targets: Target[]; kinds: KindName[] }) {
  if (list.length === 0) return <div class="nothing"><Empty>Nothing was told yet.</Empty></div>;
  const to = (d: Delivery) => <Name of={targets.find((t) => t.id === d.target)?.name ?? d.target} />;
  return (
    <div class="scroll">
      <table class="sent">
        <thead><tr><th scope="col">When</th><th scope="col" class="wide">To</th><th scope="col" class="wide">Event</th><th scope="col">Message</th><th scope="col">Result</th></tr></thead>
        <tbody>
          {list.map((d) => (
            <tr key={`${d.target}/${d.messages[0] ?? d.time}/${d.tries}`}>
              <td><time dateTime={d.time} title={moment(d.time)}>{ago(d.time)}</time></td>
              <td class="wide">{to(d)}</td>
              <td class="wide nw">{d.kind === "test" ? "a test" : said1(kinds, d.kind)}</td>
              <td class="what"><span class="narrow dim small">{to(d)}<br /></span><Name of={d.text} />{d.messages.length > 1 && <span class="dim"> and {count(d.messages.length - 1, "other")}</span>}</td>
              <td><Result of={d} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Result({ of: d }: { of: Delivery }) {
  const word = d.state === "delivered" ? "got there" : d.state === "dropped" ? "given up" : d.tries ? `tried ${count(d.tries, "time")}` : "waits";
  return (
    <>
      <span class={`state ${d.state === "delivered" ? "ok" : d.state === "dropped" ? "failed" : "waiting"}`}>{word}</span>
      {d.state !== "delivered" && (d.status || d.answer) && <span class="dim small"> {d.status ? `${d.status} ` : ""}{plain(d.answer)}</span>}
      {d.state === "waits" && moment(d.next) && <span class="dim small"> again at {moment(d.next)}</span>}
    </>
  );
}
