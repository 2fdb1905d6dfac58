// How a machine becomes a worker, and who asks to be let in.
import { useState } from "preact/hooks";
import { act, get } from "../api/call";
import { useData } from "../api/data";
import type { Pairing } from "../api/model";
import { admin, me } from "../me";
import { Button, Card, Empty, Head, Loaded, Name } from "../parts/basics";
import { Command } from "../parts/command";
import { attempt } from "../parts/tell";
import { ago, plain } from "../words";

export function AddWorker() {
  const [address = "", ...others] = me.addresses;
  const quoted = `'${address}'`;
  return (
    <>
      <Head crumbs={<a href="/workers">Workers</a>} title="Add a worker" sub={`A worker is any machine that has Blender and this program: Netrender ${me.program}, one file. Copy the program to the machine, then:`} />
      {admin ? <Waiting /> : <Card><p>An admin lets the machine in, once it asks.</p></Card>}
      <div class="commands">
        <How system="Linux" where="In a terminal, in the folder with the program" text={`chmod +x netrender\n./netrender worker --master ${quoted}`} />
        <How system="macOS" where="In Terminal, in the folder with the program" text={`xattr -d com.apple.quarantine netrender\nchmod +x netrender\n./netrender worker --master ${quoted}`} />
        <How system="Windows" where="In PowerShell, in the folder with the program" text={`.\\netrender.exe worker --master ${quoted}`} />
      </div>
      <Card title="What happens then">
        <p>The machine shows a code and waits. It is let in on this page, where the same code stands, or with <code>netrender pair accept CODE</code> on the master's machine. From then on it comes back by itself.</p>
        {address.includes("#") && <p>What follows the # is the master's key: the worker speaks to no other master.</p>}
        {others.length > 0 && <p class="dim">The master has other addresses, too, for machines that cannot reach this one: {others.map((a, i) => <>{i > 0 && ", "}<code>{a}</code></>)}</p>}
        <p class="dim">On a network that lets broadcasts through, <code>netrender worker</code> alone finds the master.</p>
      </Card>
    </>
  );
}

const How = ({ system, where, text }: { system: string; where: string; text: string }) => (
  <Card title={system} aside={where}><Command text={text} label={`the commands for ${system}`} /></Card>
);

function Waiting() {
  const data = useData((signal) => get<Pairing[]>("/pairings", {}, signal), [], { on: (e) => e.kind === "pair", every: 30_000 });
  const some = (data.value ?? []).length > 0;
  return (
    <Card class={some ? "call" : ""} title="Asks to be let in">
      <Loaded data={data} height={32}>{(list) => list.length === 0 ? <Empty>Nobody now. Who asks is shown here at once.</Empty> : (
        <>
          <ul class="asks">{list.map((p) => <Asks key={p.code} of={p} again={data.again} />)}</ul>
          <p class="dim small">Accept a newcomer only when the code on its own screen is the same; where a field asks for them, type the four letters that it shows behind the code. Whoever may send jobs can run code on every worker.</p>
        </>
      )}</Loaded>
    </Card>
  );
}

const wants: Record<string, string> = { worker: "wants to render (worker)", submit: "wants to send jobs (submit)", view: "wants to look (view)" };

function Asks({ of: p, again }: { of: Pairing; again: () => void }) {
  const [letters, setLetters] = useState("");
  const [busy, setBusy] = useState(false);
  const name = plain(p.name);
  const answer = async (verb: "accept" | "refuse") => {
    setBusy(true);
    await attempt(() => act("POST", `/pairings/${encodeURIComponent(p.code + (verb === "accept" ? letters : ""))}/${verb}`), verb === "accept" ? `${name} is let in.` : `${name} was refused.`);
    setBusy(false);
    again();
  };
  return (
    <li>
      <strong class="code">{p.code}</strong>
      <span class="who">
        <Name of={p.name} /> <span class="dim">{wants[p.role] ?? p.role}</span><br />
        <span class="dim small"><Name of={[p.kind, p.address].filter(Boolean).join(", ")} />, asked {ago(p.asked)}{p.again && <>; says it is worker <Name of={p.again} />, whose token it takes over</>}</span>
      </span>
      <form class="actions" onSubmit={(e) => {
        e.preventDefault();
        void answer("accept");
      }}>
        {p.letters && <input class="letters" required size={6} maxLength={20} autocomplete="off" autocapitalize="characters" spellcheck={false} placeholder="+ 4"
          aria-label={`The letters that ${plain(name)} shows behind the code ${p.code}`} value={letters} onInput={(e) => setLetters(e.currentTarget.value)} />}
        <Button type="submit" kind="main" disabled={busy} label={`Accept ${name}, ${p.code}`}>Accept</Button>
        <Button disabled={busy} label={`Refuse ${name}, ${p.code}`} onClick={() => answer("refuse")}>Refuse</Button>
      </form>
    </li>
  );
}
