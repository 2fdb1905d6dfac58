// Who did what, when and from where; the newest first, as it happens.
import { get } from "../../api/call";
import { useData } from "../../api/data";
import type { Audit as Entry, AuditList } from "../../api/model";
import { Card, Empty, Loaded, Name } from "../../parts/basics";
import { Search } from "../../parts/list";
import { ask, asked, hrefWith } from "../../route";

const page = 100; // records

const deeds: Record<string, string> = {
  "job.submit": "sent job", "job.change": "changed job", "job.cancel": "canceled job", "job.pause": "paused job", "job.resume": "resumed job",
  "job.retry": "retried job", "job.delete": "deleted job", "job.archive": "archived job", "job.import": "imported job",
  "worker.change": "changed worker", "worker.delete": "deleted worker", "token.make": "made token", "token.revoke": "revoked token",
  "pairing.accept": "let in newcomer", "pairing.refuse": "refused newcomer", "login.begin": "logged in", "login.end": "logged out",
  "rules.change": "changed the rules", "cleaning.change": "changed what is cleaned", clean: "had the farm cleaned",
  verify: "had what is stored verified", backup: "made a backup",
  "notify.make": "has told what happens to", "notify.change": "changed who is told", "notify.remove": "tells no more", "notify.test": "sent a test to",
};

export function Audit() {
  const who = asked("who");
  const before = asked("before");
  const list = useData((signal) => get<AuditList>("/audit", { who, before, limit: page }, signal), [who, before], { on: (e) => !before && e.kind === "audit" });
  const entries = list.value?.entries ?? [];
  const named = entries.find((e) => e.token === who)?.who ?? who;
  return (
    <Card class="flush" title={who ? <>Done by <Name of={named} /></> : "Done to the farm"} aside={<>The same as <code>netrender audit</code></>}>
      <div class="nothing line">
        <Search value={who === named ? who : ""} label="Name of a token" onSearch={(text) => ask({ who: text, before: undefined })} />
        {who && <a href="/settings/audit">What everybody did</a>}
      </div>
      <Loaded data={list} height={400}>{() => entries.length === 0 ? (
        <div class="nothing"><Empty>{before ? "There is nothing older." : who ? "Nothing was done by that name." : "Nothing yet."}</Empty></div>
      ) : (
        <div class="scroll">
          <table class="deeds">
            <thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col" class="wide">More</th></tr></thead>
            <tbody>{entries.map((e) => <Row key={e.seq} of={e} who={who} />)}</tbody>
          </table>
        </div>
      )}</Loaded>
      {(before || !!list.value?.next) && (
        <nav class="nothing line" aria-label="Pages of the list">
          {before && <a href={hrefWith({ before: undefined })}>Newest</a>}
          {!!list.value?.next && <a href={hrefWith({ before: String(list.value.next) })} rel="next">Older</a>}
        </nav>
      )}
    </Card>
  );
}

function Row({ of: e, who }: { of: Entry; who: string }) {
  const by = <Name of={e.who || "the master"} />;
  const of = subject(e);
  return (
    <tr>
      <td class="when"><time dateTime={e.time} title={new Date(e.time).toLocaleString()}>{toTheSecond(e.time)}</time></td>
      <td>
        {e.token && e.token !== who ? <a href={hrefWith({ who: e.token, before: undefined })}>{by}</a> : by}
        {e.role && <span class="dim nw"> {e.role}</span>}
        {e.address && <><br /><span class="dim small nw">{e.address}</span></>}
      </td>
      <td>{deeds[e.action] ?? <Name of={e.action} />}{of && <> {of}</>}<span class="narrow dim small"><br /><Name of={e.text} /></span></td>
      <td class="wide"><Name of={e.text} /></td>
    </tr>
  );
}

// toTheSecond is the time by the clock, with the day where it is not today's.
function toTheSecond(text: string): string {
  const t = new Date(text);
  const clock = t.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return t.toDateString() === new Date().toDateString() ? clock : `${t.toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" })}, ${clock}`;
}

// subject is what it was done to, as a link where there is a page of it. Ids of logins say nothing to people.
function subject(e: Entry) {
  if (!e.subject || e.action === "login.begin" || e.action === "login.end") return null;
  if (e.action.startsWith("job.") && e.action !== "job.delete" && /^\d+$/.test(e.subject)) return <a href={`/jobs/${e.subject}`}>{e.subject}</a>;
  if (e.action === "worker.change") return <a href={`/workers/${encodeURIComponent(e.subject)}`}><Name of={e.subject} /></a>;
  return <Name of={e.subject} />;
}
