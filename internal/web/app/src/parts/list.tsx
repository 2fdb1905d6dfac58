// What lists have in common: a field to search, states to choose from, columns to sort by, rows to select.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Data } from "../api/data";
import { go, here } from "../route";
import { number, plain } from "../words";
import { Button } from "./basics";
import { Icon } from "./icon";

// Search tells what was typed once typing rests. The key / leads to it.
export function Search({ value, label, onSearch }: { value: string; label: string; onSearch: (text: string) => void }) {
  const [text, setText] = useState(value);
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  const said = useRef(value);
  useEffect(() => {
    if (value === said.current) return; // ours
    said.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      const typing = (e.target as Element).closest?.("input, select, textarea, dialog");
      if (e.key !== "/" || typing || e.ctrlKey || e.metaKey || e.altKey) return;
      e.preventDefault();
      field.current?.focus();
    };
    document.addEventListener("keydown", key);
    return () => {
      document.removeEventListener("keydown", key);
      clearTimeout(timer.current);
    };
  }, []);
  const say = (t: string, wait: number) => {
    setText(t);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      said.current = t.trim();
      onSearch(t.trim());
    }, wait);
  };
  return (
    <span class="search">
      <Icon name="search" size={16} />
      <input ref={field} type="search" aria-label={label} placeholder={`${label}  ( / )`} value={text} autocomplete="off" spellcheck={false}
        onInput={(e) => say(e.currentTarget.value, 250)}
        onKeyDown={(e) => {
          if (e.key === "Enter") say(text, 0);
          if (e.key === "Escape" && text) say("", 0);
        }} />
    </span>
  );
}

// inPlace has links among what it is set on change the page where one is, without going to its top.
export function inPlace(e: MouseEvent) {
  const a = (e.target as Element).closest("a");
  if (!a || a.pathname !== here.value.pathname || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  e.preventDefault();
  go(a.href, true);
}

// Pills are choices of which one is taken; each is an address.
export function Pills({ of, now, label }: { of: [id: string, text: ComponentChildren, href: string][]; now: string; label: string }) {
  return (
    <nav class="pills" aria-label={label}>
      {of.map(([id, text, href]) => <a key={id} href={href} aria-current={id === now ? "true" : undefined}>{text}</a>)}
    </nav>
  );
}

export interface Order { sort: string; order: "asc" | "desc" }

// Column is a heading that sorts: first as it is most useful, then the other way round.
export function Column({ by, text, now, rises, class: c, onSort }: { by: string; text: string; now: Order; rises?: boolean; class?: string; onSort: (o: Order) => void }) {
  const on = now.sort === by;
  const next = on ? (now.order === "asc" ? "desc" : "asc") : rises ? "asc" : "desc";
  return (
    <th scope="col" class={c} aria-sort={on ? (now.order === "asc" ? "ascending" : "descending") : undefined}>
      <button type="button" class="plain" onClick={() => onSort({ sort: by, order: next })}>{text}<span class="arrow" aria-hidden="true">{on ? (now.order === "asc" ? "▲" : "▼") : ""}</span></button>
    </th>
  );
}

// SortBy is the same for narrow screens, where columns are missing.
export function SortBy({ of, now, onSort }: { of: [by: string, text: string, rises?: boolean][]; now: Order; onSort: (o: Order) => void }) {
  return (
    <label class="sortby">
      <span class="vh">Sort by</span>
      <select value={`${now.sort} ${now.order}`} onChange={(e) => {
        const [sort, order] = e.currentTarget.value.split(" ") as [string, "asc" | "desc"];
        onSort({ sort, order });
      }}>
        {of.flatMap(([by, text, rises]) => (rises ? ["asc", "desc"] : ["desc", "asc"]).map((o) => <option key={by + o} value={`${by} ${o}`}>{text} {o === "asc" ? "▲" : "▼"}</option>))}
      </select>
    </label>
  );
}

// useKept is what was read last, even for another address, so that a list stays while the next one comes.
export function useKept<T>(data: Data<T>): { data: Data<T>; old: boolean } {
  const last = useRef<T | undefined>(undefined);
  if (data.value !== undefined) last.current = data.value;
  return { data: { ...data, value: last.current }, old: data.value === undefined && last.current !== undefined };
}

export interface Selection<K> {
  has: (id: K) => boolean;
  ids: Set<K>;
  toggle: (id: K, on: boolean, range: boolean) => void; // range: up to there from the one before
  page: (on: boolean) => void;
  clear: () => void;
}

// useSelection keeps which rows are selected, of one list: reset names it. What it knows of rows are their ids, in their
// order. What was selected is dropped while it is drawn, not by an effect, which could come after a click.
export function useSelection<K>(rows: K[], reset: string): Selection<K> {
  const [kept, keep] = useState<{ of: string; ids: Set<K> }>({ of: reset, ids: new Set() });
  const last = useRef<K | undefined>(undefined);
  const none = useMemo(() => new Set<K>(), [reset]);
  const ids = kept.of === reset ? kept.ids : none;
  return {
    ids,
    has: (id) => ids.has(id),
    toggle: (id, on, range) => {
      const from = range && last.current !== undefined ? rows.indexOf(last.current) : -1;
      const to = rows.indexOf(id);
      const some = from >= 0 ? rows.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
      last.current = id;
      change(some, on);
    },
    page: (on) => change(rows, on),
    clear: () => keep({ of: reset, ids: new Set() }),
  };
  function change(some: K[], on: boolean) {
    keep((before) => {
      const now = new Set(before.of === reset ? before.ids : none);
      for (const id of some) {
        if (on) now.add(id);
        else now.delete(id);
      }
      return { of: reset, ids: now };
    });
  }
}

// Tick is the box of a row; with shift it takes all rows since the one before.
export function Tick({ on, label, onTick }: { on: boolean; label: string; onTick: (on: boolean, range: boolean) => void }) {
  return (
    <td class="tick"><label><span class="vh">{plain(label)}</span>
      <input type="checkbox" checked={on} onClick={(e) => onTick(e.currentTarget.checked, e.shiftKey)} />
    </label></td>
  );
}

export function TickAll({ rows, chosen, label, onTick }: { rows: number; chosen: number; label: string; onTick: (on: boolean) => void }) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current) box.current.indeterminate = chosen > 0 && chosen < rows;
  });
  return (
    <th scope="col" class="tick"><label><span class="vh">{label}</span>
      <input ref={box} type="checkbox" checked={rows > 0 && chosen === rows} disabled={rows === 0} onClick={(e) => onTick(e.currentTarget.checked)} />
    </label></th>
  );
}

// Pager says which part of a list is shown, and leads to the others. No href: there is none.
export function Pager({ from, rows, total, first, before, next }: { from: number; rows: number; total: number; first?: string; before?: string; next?: string }) {
  return (
    <nav class="pager" aria-label="Pages of the list">
      <span class="dim">{rows > 0 ? `${number(from + 1)}–${number(from + rows)} of ${number(total)}` : "\u00a0"}</span>
      {first && <a class="button" href={first}>First</a>}
      {before && <a class="button" href={before} rel="prev"><Icon name="left" size={16} />Previous</a>}
      {next && <a class="button" href={next} rel="next">Next<Icon name="right" size={16} /></a>}
    </nav>
  );
}

// Selected stands at the foot of the window while rows are selected, with what can be done to them.
export function Selected({ text, children, onClear }: { text: ComponentChildren; children: ComponentChildren; onClear: () => void }) {
  return (
    <div class="selected" role="region" aria-label="What is selected">
      <span class="what" role="status">{text}</span>
      <div class="actions">{children}</div>
      <Button kind="plain" icon="close" label="Select nothing" onClick={onClear} />
    </div>
  );
}
