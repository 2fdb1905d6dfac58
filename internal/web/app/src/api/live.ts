// The event stream: one for the whole page, however many parts of it listen.
import { signal } from "@preact/signals";
import type { Event } from "./model";
import { root } from "./call";

// connected tells whether events come. It is true at first: nobody is alarmed while the page opens.
export const connected = signal(true);

type Listener = { event?: (e: Event) => void; again?: () => void };

const listeners = new Set<Listener>();
let source: EventSource | undefined;
let opened = false; // events came at least once
let retry = 0;

// listen tells of events, and of again: events may have been missed, so what is shown is to be read anew. What it gives
// back ends it.
export function listen(l: Listener): () => void {
  listeners.add(l);
  if (!source && !retry) open();
  return () => listeners.delete(l);
}

function open() {
  retry = 0;
  source = new EventSource(`${root}/events?every=500`);
  source.onopen = () => {
    connected.value = true;
    if (opened) again();
    opened = true;
  };
  source.onmessage = (m) => {
    const e = JSON.parse(m.data as string) as Event;
    if (e.kind === "lost") again();
    else for (const l of listeners) l.event?.(e);
  };
  source.onerror = () => {
    connected.value = false;
    if (source?.readyState !== EventSource.CLOSED) return; // it tries again by itself
    source.close();
    source = undefined;
    retry = window.setTimeout(open, 2000);
    again(); // the master refused: whoever reads learns why, as that the login has ended
  };
}

function again() {
  for (const l of listeners) l.again?.();
}

// A page that was put away by the browser has missed what happened.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !connected.value) again();
});
