// Browsers that are logged in.
import { act, get } from "../../api/call";
import { useData } from "../../api/data";
import type { LoginView } from "../../api/model";
import { me } from "../../me";
import { Button, Card, Empty, Loaded, Name } from "../../parts/basics";
import { attempt, sure } from "../../parts/tell";
import { ago, moment, plain } from "../../words";

export function Logins() {
  const logins = useData(async (signal) => (await get<LoginView[] | null>("/logins", {}, signal)) ?? [], [], {
    on: (e) => e.kind === "token" || (e.kind === "audit" && (e.state ?? "").startsWith("login.")), every: 60_000,
  });
  const out = async (l: LoginView) => {
    if (!(await sure(`Log out the browser of ${l.name} at ${l.address}?`, "Log out", "It comes in again by a new link only."))) return;
    if (await attempt(() => act("DELETE", `/logins/${l.id}`), "The browser is logged out.")) logins.again();
  };
  return (
    <Card class="flush" title="Browsers that are logged in" aside={<>A link lets one in: <code>netrender login</code></>}>
      <Loaded data={logins} height={160}>{(list) => list.length === 0 ? (
        <div class="nothing"><Empty>{me.open ? "Nobody logs in: this farm is open to everybody in its network." : "No browser is logged in."}</Empty></div>
      ) : (
        <div class="scroll">
          <table class="acts">
            <thead><tr><th scope="col">Who</th><th scope="col" class="wide">Browser</th><th scope="col" class="wide">From</th><th scope="col" class="wide">Since</th><th scope="col">Last visit</th><th scope="col"><span class="vh">Actions</span></th></tr></thead>
            <tbody>
              {list.map((l) => (
                <tr key={l.id}>
                  <td><Name of={l.name} /> <span class="dim">{l.role}</span></td>
                  <td class="wide" title={plain(l.browser)}><Name of={browserOf(l.browser)} /></td>
                  <td class="wide"><Name of={l.address} /></td>
                  <td class="wide nw">{moment(l.created)}</td>
                  <td class="nw"><time dateTime={l.used} title={moment(l.used)}>{ago(l.used || l.created)}</time></td>
                  <td class="num"><Button kind="danger" onClick={() => void out(l)} label={`Log out ${l.name}, ${browserOf(l.browser)}`} title="Log this browser out">Log out</Button></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}</Loaded>
    </Card>
  );
}

// browserOf says what a browser calls itself, shortly: "Firefox 130 on Linux".
function browserOf(text: string | undefined): string {
  if (!text) return "unknown";
  const name = ([["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Version", "Safari"]] as const).map(([mark, says]) => {
    const found = new RegExp(`${mark}/(\\d+)`).exec(text);
    return found && `${says} ${found[1]}`;
  }).find(Boolean);
  const on = ([["Windows", "Windows"], ["Android", "Android"], ["iPhone", "an iPhone"], ["iPad", "an iPad"], ["Mac OS X", "macOS"], ["Linux", "Linux"]] as const).find(([mark]) => text.includes(mark))?.[1];
  return name ? (on ? `${name} on ${on}` : name) : text.slice(0, 80);
}
