// What a part of a page shows, read from the master and kept fresh by events.
import { useEffect, useRef, useState } from "preact/hooks";
import { listen } from "./live";
import { type Problem, problemOf } from "./call";
import type { Event } from "./model";
import { useGathering } from "./together";

const atMost = 900; // milliseconds between two readings that events ask for

export interface Data<T> {
  value?: T; // what was read last; kept while it is read again
  problem?: Problem; // why the last reading failed
  again: () => void; // reads now
}

export interface Freshness {
  on?: (e: Event) => boolean; // events after which it is read again
  every?: number; // milliseconds after which it is read again without an event
}

// useData reads by load, again when a dependency changes, when events of on came (once in a while, not while the page is
// out of sight) and when events may have been missed.
export function useData<T>(load: (signal: AbortSignal) => Promise<T>, deps: readonly unknown[], fresh: Freshness = {}): Data<T> {
  const [state, set] = useState<{ value?: T; problem?: Problem; deps?: readonly unknown[] }>({});
  const latest = useRef({ load, fresh });
  latest.current = { load, fresh };
  const now = useRef<() => void>(() => {});
  const came = useGathering();

  useEffect(() => {
    let ended = false;
    let running: AbortController | undefined;
    let stale = false;
    let timer = 0;
    let last = 0;
    let took = 0;
    const read = async () => {
      if (running) {
        stale = true;
        return;
      }
      clearTimeout(timer);
      timer = 0;
      stale = false;
      const began = (last = performance.now());
      running = new AbortController();
      try {
        const value = await latest.current.load(running.signal);
        if (!ended) set({ value, deps });
      } catch (err) {
        const problem = problemOf(err, true);
        if (!ended) set((s) => ({ value: alike(s.deps, deps) ? s.value : undefined, problem, deps }));
        if (problem.status === 0) soon(2000);
      } finally {
        came.current();
        running = undefined;
        took = performance.now() - began;
        if (stale && !ended) soon();
        else if (latest.current.fresh.every && !ended) soon(latest.current.fresh.every);
      }
    };
    // What takes long to read is read more seldom.
    const soon = (wait = Math.max(0, last + Math.max(atMost, 5 * took) - performance.now())) => {
      if (timer || ended) return;
      timer = window.setTimeout(() => {
        timer = 0;
        if (document.hidden) stale = true;
        else void read();
      }, wait);
    };
    const seen = () => {
      if (!document.hidden && stale && !running) void read();
    };
    now.current = () => {
      last = 0;
      void read();
    };
    void read();
    const stop = listen({
      event: (e) => {
        if (latest.current.fresh.on?.(e)) {
          if (timer && latest.current.fresh.every) {
            clearTimeout(timer);
            timer = 0;
          }
          soon();
        }
      },
      again: () => {
        clearTimeout(timer);
        timer = 0;
        soon(0);
      },
    });
    document.addEventListener("visibilitychange", seen);
    return () => {
      ended = true;
      running?.abort();
      clearTimeout(timer);
      stop();
      document.removeEventListener("visibilitychange", seen);
    };
  }, deps);

  // What belongs to other dependencies is not shown under these.
  const same = alike(state.deps, deps);
  return { value: same ? state.value : undefined, problem: same ? state.problem : undefined, again: () => now.current() };
}

const alike = (a: readonly unknown[] | undefined, b: readonly unknown[]) => !!a && a.every((d, i) => Object.is(d, b[i]));
