// Small things that every page is made of.
import type { ComponentChildren } from "preact";
import { plain, percent } from "../words";
import type { Data } from "../api/data";
import type { Problem } from "../api/call";
import { Icon, type IconName } from "./icon";

export const palette = 8; // colours to tell things apart by: --c0 and on

// State is a dot and a word: nobody needs to see colours.
export const State = ({ of }: { of: string | undefined }) => <span class={`state ${of ?? ""}`}>{of}</span>;

// Name shows text that people chose: in one direction, without what could make it look like other text.
export const Name = ({ of }: { of: string | undefined }) => <bdi>{plain(of)}</bdi>;

export interface Parts {
  total?: number;
  done?: number;
  running?: number;
  failed?: number;
}

// Bar shows how far a job is.
export function Bar({ of, big, noun = "frame" }: { of: Parts; big?: boolean; noun?: string }) {
  const { total = 0, done = 0, running = 0, failed = 0 } = of;
  const part = (n: number) => (total > 0 ? `${(100 * n) / total}%` : "0");
  return (
    <span class={big ? "bar big" : "bar"} role="progressbar" aria-label="Progress" aria-valuemin={0} aria-valuemax={total} aria-valuenow={done} aria-valuetext={`${done} of ${total} ${noun}s, ${percent(done, total)}`}>
      <i class="done" style={{ width: part(done) }} />
      <i class="failed" style={{ width: part(failed) }} />
      <i class="running" style={{ width: part(running) }} />
    </span>
  );
}

export function Card({ title, aside, children, class: c = "", id }: { title?: ComponentChildren; aside?: ComponentChildren; children: ComponentChildren; class?: string; id?: string }) {
  return (
    <section class={`card ${c}`} id={id}>
      {(title || aside) && (
        <header>
          {title && <h2>{title}</h2>}
          {aside && <div class="aside">{aside}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

export function Button({ icon, children, kind = "", label, ...rest }: {
  icon?: IconName; children?: ComponentChildren; kind?: "" | "main" | "danger" | "plain"; label?: string;
  onClick?: (e: MouseEvent) => void; disabled?: boolean; type?: "button" | "submit"; title?: string; pressed?: boolean;
}) {
  const { pressed, title = label, ...more } = rest;
  return (
    <button type="button" {...more} class={`${kind} ${children ? "" : "only"}`} aria-label={label && plain(label)} title={title && plain(title)} aria-pressed={pressed}>
      {icon && <Icon name={icon} size={16} />}
      {children}
    </button>
  );
}

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;

// Trouble is an error as people read it.
export const Trouble = ({ of, again }: { of: Problem; again?: () => void }) => (
  <div class="trouble" role="alert">
    <p>{plain(of.message)} {of.hint && <span class="dim">{plain(of.hint)}</span>}</p>
    {again && <Button icon="retry" onClick={again}>Try again</Button>}
  </div>
);

// Loaded shows what was read; before that a place of about its size, so that nothing jumps when it comes.
export function Loaded<T>({ data, height = 120, children }: { data: Data<T>; height?: number; children: (value: T) => ComponentChildren }) {
  if (data.value !== undefined) {
    return (
      <>
        {data.problem && data.problem.status !== 0 && <Trouble of={data.problem} again={data.again} />}
        {children(data.value)}
      </>
    );
  }
  if (data.problem) return <Trouble of={data.problem} again={data.again} />;
  return <div class="waits" style={{ minHeight: `${height}px` }} aria-busy="true" />;
}

export function Head({ title, sub, children, crumbs }: { title: ComponentChildren; sub?: ComponentChildren; children?: ComponentChildren; crumbs?: ComponentChildren }) {
  return (
    <div class="head">
      <div>
        {crumbs && <p class="crumbs">{crumbs}</p>}
        <h1>{title}</h1>
        {sub && <p class="sub">{sub}</p>}
      </div>
      {children && <div class="actions">{children}</div>}
    </div>
  );
}

// Tabs lead to parts of a page; each is an address.
export function Tabs({ tabs, now, label }: { tabs: [id: string, text: ComponentChildren, href: string][]; now: string; label: string }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([id, text, href]) => (
        <a key={id} href={href} aria-current={id === now ? "page" : undefined}>{text}</a>
      ))}
    </nav>
  );
}

export function Facts({ of }: { of: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {of.filter(([, value]) => value !== undefined && value !== "" && value !== null && value !== false).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
