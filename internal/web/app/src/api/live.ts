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
let apart = false; // nobody sees the page, so it does not listen
let leaving = 0;

// A browser has few connections to a master without TLS, six in all of its tabs: one that nobody sees gives its own back.
const unseen = 2000; // milliseconds out of sight

// listen tells of events, and of again: events may have been missed, so what is shown is to be read anew. What it gives
// back ends it.
export function listen(l: Listener): () => void {
  listeners.add(l);
  if (document.hidden) apart ||= !source && !retry;
  else if (!source && !retry) open();
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

function leave() {
  source?.close();
  source = undefined;
  clearTimeout(retry);
  retry = 0;
  apart = true;
}

// A page that was not seen has missed what happened.
document.addEventListener("visibilitychange", () => {
  clearTimeout(leaving);
  if (document.hidden) leaving = window.setTimeout(leave, unseen);
  else if (apart) {
    apart = false;
    open();
    again();
  } else if (!connected.value) again();
});
