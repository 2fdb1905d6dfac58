// A page appears when what it shows first was read, so that nothing moves as one thing comes after the other.
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

const longest = 1000; // milliseconds; then it appears with what is there

// Gathering is told by readings that they begin; the answer is called when the first of them came.
const Gathering = createContext<(() => () => void) | undefined>(undefined);

// useGathering has the page wait for a reading of the caller's; came is called when it is there, or cannot be had.
export function useGathering(): { current: () => void } {
  const gathering = useContext(Gathering);
  const came = useRef<() => void>(() => {});
  useLayoutEffect(() => {
    if (gathering) came.current = gathering();
    return () => came.current();
  }, []);
  return came;
}

export function Together({ children }: { children: ComponentChildren }) {
  const [whole, set] = useState(false);
  const pending = useRef(0);
  const timer = useRef(0);
  // What was read may make parts that read themselves: they have begun when the timer runs.
  const settle = () => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => pending.current === 0 && set(true), 0);
  };
  const wait = useMemo(() => () => {
    let came = false;
    pending.current++;
    return () => {
      if (came) return;
      came = true;
      pending.current--;
      settle();
    };
  }, []);
  useEffect(() => {
    settle();
    const late = setTimeout(() => set(true), longest);
    return () => {
      clearTimeout(late);
      clearTimeout(timer.current);
    };
  }, []);
  return <Gathering.Provider value={wait}><div class={whole ? "together" : "together gathers"} aria-busy={whole ? undefined : true}>{children}</div></Gathering.Provider>;
}
