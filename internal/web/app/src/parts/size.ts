// What a drawing depends on besides its data: how large it is, and whether it is dark.
import { signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

const scheme = matchMedia("(prefers-color-scheme: dark)");

// dark tells whether colours for the dark are shown. A component that reads it is drawn again when that changes.
export const dark = signal(scheme.matches);
scheme.addEventListener("change", () => (dark.value = scheme.matches));

export interface Size { width: number; height: number }

// useSize is the size of an element's inside in whole pixels, 0 before it is known. there: whether the element is.
export function useSize(of: RefObject<Element | null>, there = true): Size {
  const [size, set] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const e = of.current;
    if (!e) return;
    const watch = new ResizeObserver(([seen]) => {
      const { width, height } = seen!.contentRect;
      set((s) => (s.width === Math.floor(width) && s.height === Math.floor(height) ? s : { width: Math.floor(width), height: Math.floor(height) }));
    });
    watch.observe(e);
    return () => watch.disconnect();
  }, [there]);
  return size;
}
