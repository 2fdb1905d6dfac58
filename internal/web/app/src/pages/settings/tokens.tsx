// Tokens: who may use the farm, and as what.
import { useRef, useState } from "preact/hooks";
import { act, get } from "../../api/call";
import { useData } from "../../api/data";
import type { NewToken, Token, TokenList } from "../../api/model";
import { Button, Card, Loaded, Name } from "../../parts/basics";
import { copy } from "../../parts/command";
import { attempt, sure, tell } from "../../parts/tell";
import { ago, count, moment } from "../../words";

const roles: [role: string, may: string][] = [
  ["view", "looks at everything, and changes nothing"],
  ["submit", "sends jobs, and steers them"],
  ["worker", "is a worker: fetches scenes and hands in frames"],
  ["admin", "may do everything"],
];

async function all(signal: AbortSignal): Promise<Token[]> {
  const list: Token[] = [];
  for (let after: string | undefined; ; ) {
    const page = await get<TokenList>("/tokens", { after, limit: 1000 }, signal);
    list.push(...(page.tokens ?? []));
    if (!page.next) return list;
    after = page.next;
  }
}

export function Tokens() {
  const tokens = useData(all, [], { on: (e) => e.kind === "token" });
  const [made, setMade] = useState<NewToken>();
  const revoke = async (t: Token) => {
    const more = `It is worthless at once, and so are the logins that came by it.${t.role === "worker" ? " What the worker renders goes to others." : ""}`;
    if (!(await sure(`Revoke the token of ${t.name}?`, "Revoke", more))) return;
    if (await attempt(() => act("DELETE", `/tokens/${t.id}`), `The token of ${t.name} is revoked.`)) tokens.again();
  };
  return (
    <>
      <Make onMade={(t) => { setMade(t); tokens.again(); }} />
      {made && <Secret key={made.id} of={made} onDone={() => setMade(undefined)} />}
      <Card class="flush" title="Tokens" aside={tokens.value && count(tokens.value.length, "token")}>
        <Loaded data={tokens} height={200}>{(list) => (
          <div class="scroll">
            <table class="acts">
              <thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col" class="wide">Id</th><th scope="col" class="wide">Made</th><th scope="col">Last used</th><th scope="col"><span class="vh">Actions</span></th></tr></thead>
              <tbody>
                {list.map((t) => (
                  <tr key={t.id}>
                    <td class="short"><Name of={t.name} /></td>
                    <td class="nw">{t.role}</td>
                    <td class="wide"><code>{t.id}</code></td>
                    <td class="wide nw">{moment(t.created)}</td>
                    <td class="nw">{moment(t.used) ? <time dateTime={t.used} title={moment(t.used)}>{ago(t.used)}</time> : <span class="dim">never</span>}</td>
                    <td class="num"><Button kind="danger" label={`Revoke the token of ${t.name}`} title="Revoke" icon="trash" onClick={() => void revoke(t)} /></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}</Loaded>
      </Card>
    </>
  );
}

function Make({ onMade }: { onMade: (t: NewToken) => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("submit");
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    await attempt(async () => {
      onMade(await act<NewToken>("POST", "/tokens", { name: name.trim(), role }));
      setName("");
    });
    setBusy(false);
  };
  return (
    <Card title="Make a token" aside={<>The same as <code>netrender token create</code></>}>
      <form class="line" onSubmit={(e) => { e.preventDefault(); if (name.trim() && !busy) void make(); }}>
        <label class="field"><span>Name</span><input value={name} required maxLength={200} autocomplete="off" placeholder="anna, or blade-7" onInput={(e) => setName(e.currentTarget.value)} /></label>
        <label class="field">
          <span>Role</span>
          <select value={role} onChange={(e) => setRole(e.currentTarget.value)}>
            {roles.map(([r]) => <option key={r} value={r}>{r}</option>)}
          </select>
        </label>
        <button type="submit" class="main" disabled={!name.trim() || busy}>Make it</button>
      </form>
      <p class="dim">Who has it {roles.find(([r]) => r === role)![1]}.{role === "worker" && <> Workers are let in more easily by <a href="/add-worker">pairing</a>.</>}</p>
    </Card>
  );
}

// Secret is shown once: the master keeps a hash of it only.
function Secret({ of: t, onDone }: { of: NewToken; onDone: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const take = async () => {
    if (await copy(t.secret)) return tell("The secret is copied.");
    field.current?.select();
    tell("The browser does not let this page copy; copy what is marked yourself.", true);
  };
  return (
    <Card class="call" title={<>The token of <Name of={t.name} />, with the role {t.role}</>}>
      <p>It is shown this once; nobody can read it again, not the master either.</p>
      <div class="line">
        <input ref={field} class="secret code" readOnly value={t.secret} aria-label="Secret of the new token" onFocus={(e) => e.currentTarget.select()} />
        <Button kind="main" icon="copy" onClick={() => void take()}>Copy</Button>
        <Button onClick={onDone}>I have it</Button>
      </div>
      <p class="dim small">Used as <code>NETRENDER_TOKEN</code>, or as the setting <code>token</code> of <code>netrender.toml</code>.</p>
    </Card>
  );
}
