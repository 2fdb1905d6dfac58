// The log of an attempt at a frame: live, searched, as long as it may be.
import { useEffect, useRef, useState } from "preact/hooks";
import { address, get } from "../../api/call";
import { useData } from "../../api/data";
import type { Job } from "../../api/model";
import { Button, Card, Empty, Trouble } from "../../parts/basics";
import { Icon } from "../../parts/icon";
import { useSize } from "../../parts/size";
import { Typed } from "../../parts/typed";
import { asked, go } from "../../route";
import { number, plain } from "../../words";
import { type Frames, lost } from "./data";
import { errorLine, levelOf, LogText, warnLine } from "./logtext";
import { type AttemptList, failed, rendering, type RunningList } from "./model";
import type { PartOf } from "./part";
import { parted, taskName } from "./stages";
import { called, numberOf } from "../../picture";

const lineHeight = 18;
const highest = 8_000_000; // pixels that browsers scroll through

// start is the frame whose log is most likely wanted.
function start(f: Frames): number | undefined {
  const row = [failed, rendering].map((s) => f.states.indexOf(s)).find((i) => i >= 0) ?? f.attempts.findLastIndex((n) => n > 0);
  return row >= 0 ? f.numbers[row] : undefined;
}

export function Log({ job: j, frames, frame }: PartOf) {
  const f = frames.value;
  const first = useRef<number | undefined>(undefined);
  if (frame === "" && first.current === undefined && f) first.current = start(f);
  const n = frame !== "" ? Number(frame) : first.current;
  if (lost(j, "logs")) return <Empty>The logs of this job were cleaned up.</Empty>;
  if (n === undefined) return f ? <Empty>No frame was tried yet, so there is no log.</Empty> : <div class="waits cells" aria-busy="true" />;
  if (!Number.isInteger(n)) return <Empty>The job has no frame {frame}.</Empty>;
  return <OfFrame key={n} job={j} frame={n} f={f} version={frames.version} />;
}

function OfFrame({ job: j, frame, f }: { job: Job; frame: number; f: Frames | undefined; version: number }) {
  const job = j.id;
  const lease = asked("lease");
  const row = f?.at.get(frame);
  const tried = row === undefined ? 0 : f!.attempts[row]!;
  const tasks = parted(j);
  const attempts = useData((signal) => get<AttemptList>(`/jobs/${job}/attempts`, { frames: frame, limit: 1000 }, signal), [job, frame, tried]);
  const running = useData((signal) => (tasks ? get<RunningList>(`/jobs/${job}/running`, { limit: 1000 }, signal) : Promise.resolve({} as RunningList)), [job, frame, tasks]);
  const list = attempts.value?.attempts ?? [];
  const to = (number: number | undefined, lease = "", task = 0) => go(`/jobs/${job}/log/${number ?? frame}${lease ? `?${task ? `task=${task}&` : ""}lease=${lease}` : ""}`, true);
  // A frame in parts has no log of its own: that of the part comes first that is rendered now, else of the last one that was.
  const first = useRef<{ task: number; lease: string; name: string } | undefined>(undefined);
  if (tasks && !first.current && attempts.value && running.value) {
    const now = (running.value.running ?? []).find((l) => l.task_no && !l.ahead && l.frames?.includes(frame));
    const last = list.at(-1);
    if (now) first.current = { task: now.task_no, lease: String(now.id), name: now.task };
    else if (last) first.current = { task: last.task || frame, lease: String(last.lease), name: taskName(j, last) };
  }
  const task = Number(asked("task")) || (lease ? 0 : first.current?.task) || frame;
  const step = (by: number) => (row === undefined ? undefined : f!.numbers[row + by]);
  return (
    <Card class="logcard">
      <div class="actions">
        <label class="field inline"><span>Frame</span><Typed type={j.views?.length ? "text" : "number"} value={called(j, frame)} onChange={(text) => { const n = numberOf(j, text); if (n !== undefined) to(n); }} /></label>
        <Button icon="left" label="Log of the frame before" disabled={step(-1) === undefined} onClick={() => to(step(-1))} />
        <Button icon="right" label="Log of the next frame" disabled={step(1) === undefined} onClick={() => to(step(1))} />
        <label class="field inline"><span>Attempt</span>
          <select value={lease} onChange={(e) => to(frame, e.currentTarget.value, list.find((a) => String(a.lease) === e.currentTarget.value)?.task)}>
            <option value="">{tasks && first.current ? first.current.name : "newest"}</option>
            {lease && !list.some((a) => String(a.lease) === lease) && <option value={lease}>now</option>}
            {list.map((a) => <option key={a.lease} value={String(a.lease)}>{a.stage && `${taskName(j, a)}, `}{a.attempt}: {a.outcome === "expired" ? "lost" : a.outcome}</option>)}
          </select>
        </label>
        <a class="button" href={`/jobs/${job}/frames/${frame}`}>Frame {called(j, frame)}</a>
      </div>
      {tasks && !lease && !first.current ? <Empty>{attempts.value && running.value ? "No part of this frame was tried yet, so there is no log." : "\u00a0"}</Empty>
        : <Text key={`${task} ${lease}`} job={job} frame={task} name={called(j, frame)} alone={task === frame} lease={lease || (tasks ? first.current?.lease ?? "" : "")} />}
    </Card>
  );
}

function Text({ job, frame, name, lease, alone }: { job: number; frame: number; name: string; lease: string; alone: boolean }) {
  const [, redraw] = useState(0);
  const log = useRef<LogText | undefined>(undefined);
  const [following, follow] = useState(true);
  const [words, look] = useState("");
  const [hit, setHit] = useState(-1); // line that was found
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const seen = useSize(box).height || 400;

  useEffect(() => {
    let asked = false;
    const l = new LogText(job, frame, lease, () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        redraw((k) => k + 1);
      });
    });
    log.current = l;
    return () => l.close();
  }, [job, frame, lease]);

  const l = log.current;
  const lines = l?.lines ?? [];
  const rows = Math.ceil(seen / lineHeight);
  const whole = lines.length * lineHeight;
  const height = Math.min(whole, highest);
  const room = Math.max(1, height - seen);
  // Where the text is longer than browsers can scroll, the bar moves through it in proportion.
  const from = whole <= highest ? Math.floor(top / lineHeight) : Math.round((top / room) * Math.max(0, lines.length - rows));
  const shown = lines.slice(from, from + rows + 1);
  const offset = whole <= highest ? from * lineHeight : top;

  useEffect(() => {
    const b = box.current!;
    if (following && b.scrollTop !== b.scrollHeight) b.scrollTop = b.scrollHeight;
  }, [lines.length, following]);

  const show = (line: number) => {
    follow(false);
    setHit(line);
    const first = Math.max(0, line - Math.floor(rows / 3));
    box.current!.scrollTop = whole <= highest ? first * lineHeight : (first / Math.max(1, lines.length - rows)) * room;
  };
  const wanted = words.toLowerCase();
  const search = useSearch(lines, wanted);
  const matches = search.found;
  const find = (by: number) => {
    search.look(Infinity);
    if (matches.length === 0) return;
    const here = hit >= 0 ? hit : from;
    const at = by > 0 ? matches.findIndex((m) => m > here) : matches.findLastIndex((m) => m < here);
    show(matches[at >= 0 ? at : by > 0 ? 0 : matches.length - 1]!);
  };
  const save = () => {
    const url = URL.createObjectURL(new Blob(l!.pieces, { type: "text/plain" }));
    const a = Object.assign(document.createElement("a"), { href: url, download: `job-${job}-frame-${name.replaceAll(" ", "-")}${alone ? "" : `-task-${frame}`}.log` });
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return (
    <>
      <div class="actions logtools">
        <form class="search" role="search" onSubmit={(e) => { e.preventDefault(); find(1); }}>
          <Icon name="search" size={16} />
          <input type="search" aria-label="Search the log" placeholder="Search" value={words} onInput={(e) => { look(e.currentTarget.value); setHit(-1); }} onKeyDown={(e) => { if (e.key === "Enter" && e.shiftKey) { e.preventDefault(); find(-1); } }} />
        </form>
        {wanted && <span class="dim nw" role="status">{matches.length === 0 ? (search.ended ? "not found" : "searching") : `${hit >= 0 && matches.includes(hit) ? `${number(matches.indexOf(hit) + 1)} of ` : ""}${number(matches.length)}`}</span>}
        {matches.length > 0 && <><Button icon="left" label="Found before" onClick={() => find(-1)} /><Button icon="right" label="Next found" onClick={() => find(1)} /></>}
        <Button kind="danger" icon="warn" disabled={!l || l.firstError < 0} onClick={() => show(l!.firstError)}>First error</Button>
        <Button icon="down" pressed={following} onClick={() => follow(!following)}>Follow</Button>
        <Button icon="download" disabled={lines.length === 0} onClick={save}>Download</Button>
        <a class="small" href={address(`/jobs/${job}/log`, { frame, lease })} target="_blank">as plain text</a>
      </div>
      {l?.problem && <Trouble of={l.problem} />}
      <div ref={box} class="log" tabIndex={0} role="region" aria-label={`Log of frame ${name}`} onScroll={(e) => {
        const b = e.currentTarget;
        setTop(b.scrollTop);
        if (following && b.scrollTop + b.clientHeight < b.scrollHeight - 2 * lineHeight) follow(false);
      }}>
        <div class="loglines" style={{ height: `${height}px` }}>
          <pre style={{ transform: `translateY(${offset}px)` }}>
            {shown.map((line, i) => <Line key={from + i} n={from + i} of={line} wanted={wanted} hit={from + i === hit} />)}
          </pre>
        </div>
        {lines.length === 0 && !l?.problem && <p class="dim">{l?.ended ? "The log is empty." : "Nothing was said yet."}</p>}
      </div>
      <p class="dim small logfoot" role="status">{number(lines.length)} lines{l && l.errors > 0 ? `, ${number(l.errors)} with errors` : ""}{l && !l.ended && !l.problem ? "; it is still being written" : ""}</p>
    </>
  );
}

// Search looks through lines a little at a time, and goes on where it was when more of them come.
class Search {
  found: number[] = [];
  private next = 0;
  private mark: RegExp;

  constructor(readonly lines: string[], readonly wanted: string) {
    this.mark = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
  }

  get ended() {
    return !this.wanted || this.next >= this.lines.length;
  }

  look(milliseconds: number) {
    const until = performance.now() + milliseconds;
    for (let n = 0; !this.ended; this.next++) {
      if (++n % 4096 === 0 && performance.now() > until) return;
      if (this.mark.test(this.lines[this.next]!)) this.found.push(this.next);
    }
  }
}

function useSearch(lines: string[], wanted: string): Search {
  const [, redraw] = useState(0);
  const now = useRef(new Search(lines, wanted));
  if (now.current.lines !== lines || now.current.wanted !== wanted) now.current = new Search(lines, wanted);
  const search = now.current;
  useEffect(() => {
    let timer = 0;
    const some = () => {
      search.look(20);
      redraw((n) => n + 1);
      if (!search.ended) timer = window.setTimeout(some);
    };
    if (!search.ended) some();
    return () => clearTimeout(timer);
  }, [search, lines.length]);
  return search;
}

function Line({ n, of, wanted, hit }: { n: number; of: string; wanted: string; hit: boolean }) {
  const text = plain(of.length > 4000 ? of.slice(0, 4000) + " ..." : of);
  const level = levelOf(of);
  const c = `${level === errorLine ? "error" : level === warnLine ? "warning" : ""}${hit ? " hit" : ""}`;
  const at = wanted ? text.toLowerCase().indexOf(wanted) : -1;
  return (
    <span class={c}><i aria-hidden="true">{n + 1}</i>{at < 0 ? text : <>{text.slice(0, at)}<mark>{text.slice(at, at + wanted.length)}</mark>{text.slice(at + wanted.length)}</>}</span>
  );
}
