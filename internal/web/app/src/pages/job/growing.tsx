// A frame that is rendered in parts, as far as they came.
import { useEffect, useRef, useState } from "preact/hooks";
import { address, problemOf, send } from "../../api/call";
import type { Job } from "../../api/model";
import { number } from "../../words";
import type { Picture } from "./images";
import { partsOf } from "./stages";
import { called } from "../../picture";

const pace = 1100; // milliseconds: the master puts a frame's parts together once a second at most

// Growing is what there is of a frame.
export interface Growing {
  frame: number;
  picture: Picture;
  url: string; // of the same picture
  says: string; // "7 of 12 tiles"
}

// useGrowing is what there is of a frame while it is wanted, made anew when more parts are there than before. What was
// shown last stays until another frame is asked for.
export function useGrowing(job: Job, frame: number, wanted: boolean, there: number): Growing | undefined {
  const [got, set] = useState<Growing>();
  const read = useRef<() => void>(() => {});
  useEffect(() => {
    if (!wanted) return;
    const stop = new AbortController();
    let timer = 0;
    let last = -pace;
    let owed = 0; // readings: what the master has made may be a second old, so there is one more
    let mark = "";
    const look = async () => {
      timer = 0;
      last = performance.now();
      owed--;
      try {
        const answer = await send("GET", address(`/jobs/${job.id}/frames/${frame}/preview`), undefined, stop.signal);
        const parts = answer.headers.get("Preview-Parts");
        if (parts && parts !== mark) {
          const fresh = await grown(job, frame, parts, await answer.blob());
          if (stop.signal.aborted) return free(fresh);
          mark = parts;
          set(fresh);
        }
      } catch (err) {
        if (stop.signal.aborted) return;
        if (problemOf(err).status === 0) owed = 1;
      }
      if (owed > 0) soon();
    };
    const soon = () => {
      if (!timer && !document.hidden) timer = window.setTimeout(() => void look(), Math.max(0, last + pace - performance.now()));
    };
    read.current = () => {
      owed = 2;
      soon();
    };
    document.addEventListener("visibilitychange", soon);
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", soon);
      read.current = () => {};
    };
  }, [job.id, frame, wanted]);
  useEffect(() => read.current(), [job.id, frame, wanted, there]);
  useEffect(() => () => got && free(got), [got]);
  return got?.frame === frame ? got : undefined;
}

const free = (g: Growing) => {
  g.picture.close();
  URL.revokeObjectURL(g.url);
};

async function grown(job: Job, frame: number, parts: string, jpeg: Blob): Promise<Growing> {
  const map = await createImageBitmap(jpeg);
  const [n, of] = parts.split("/").map(Number) as [number, number];
  return {
    frame, url: URL.createObjectURL(jpeg), says: saysParts(job, n, of),
    picture: { width: map.width, height: map.height, size: map.width * map.height * 4, whole: true, draw: () => map, at: () => "its parts still come in", close: () => map.close() },
  };
}

// saysParts says how many of a frame's parts are there.
export function saysParts(job: Job, there: number, of = partsOf(job)): string {
  return `${number(Math.min(there, of))} of ${number(of)} ${job.tiles ? "tiles" : "parts"}`;
}

// GrowingPicture shows it as a picture of a page; nothing until something is there.
export function GrowingPicture({ job, frame, there, wide }: { job: Job; frame: number; there: number; wide?: boolean }) {
  const g = useGrowing(job, frame, true, there);
  const text = `Frame ${called(job, frame)}, ${g?.says ?? "whose parts come in"}`;
  if (!wide) return g ? <img src={g.url} alt={text} width="160" height="90" /> : <span class="nopicture" />;
  return g ? <><img src={g.url} alt={text} /><span class="partly" role="status">{g.says}</span></> : <p>It is being rendered.</p>;
}
