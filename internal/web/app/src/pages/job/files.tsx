// The files that a job is made of, and which of them have not arrived.
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Problem, problemOf } from "../../api/call";
import { Button, Card, Empty, Name, Trouble } from "../../parts/basics";
import { asked, ask } from "../../route";
import { bytes, count } from "../../words";
import { lost } from "./data";
import type { FileList, JobFile } from "./model";
import type { PartOf } from "./part";

const page = 200;

// allMissing are the paths of all files that have not arrived.
async function allMissing(id: number, signal: AbortSignal): Promise<Set<string>> {
  const paths = new Set<string>();
  for (let after = ""; ; ) {
    const list = await get<FileList>(`/jobs/${id}/missing`, { after, limit: 1000 }, signal);
    for (const f of list.files ?? []) paths.add(f.path);
    if (!(after = list.next || "")) return paths;
  }
}

export function Files({ job: j }: PartOf) {
  const only = asked("show") === "missing";
  const [known, set] = useState<{ of: string; files: JobFile[]; missing: Set<string>; next: string; problem?: Problem }>();
  const [busy, work] = useState(false);
  const of = `${j.id} ${only}`;
  const stop = useRef(new AbortController());
  const read = async (after = "") => {
    const { signal } = stop.current;
    work(true);
    try {
      const [part, missing] = await Promise.all([
        get<FileList>(`/jobs/${j.id}/${only ? "missing" : "files"}`, { after, limit: page }, signal),
        !after && !only && j.missing > 0 ? allMissing(j.id, signal) : undefined,
      ]);
      set((was) => {
        const before = after && was?.of === of ? was : undefined;
        return { of, files: [...(before?.files ?? []), ...(part.files ?? [])], missing: missing ?? before?.missing ?? new Set(), next: part.next ?? "" };
      });
    } catch (err) {
      if (signal.aborted) return;
      set((was) => ({ ...(was?.of === of ? was : { of, files: [], missing: new Set<string>(), next: "" }), problem: problemOf(err) }));
    }
    work(false);
  };
  useEffect(() => {
    const ours = (stop.current = new AbortController());
    void read();
    return () => ours.abort(); // what is under way is about another list
  }, [of, j.missing]);
  const list = known?.of === of ? known : undefined; // what was read for another choice is not shown under this one
  const files = list?.files ?? [];
  return (
    <Card class="flush" title="Files of the scene" aside={
      <label>show <select value={only ? "missing" : ""} onChange={(e) => ask({ show: e.currentTarget.value })}><option value="">all</option><option value="missing">those that have not arrived</option></select></label>
    }>
      {list?.problem && <div class="nothing"><Trouble of={list.problem} again={() => void read()} /></div>}
      {lost(j, "inputs") && <p class="nothing dim">They were cleaned up; the list says what they were.</p>}
      {!list ? <div class="waits filelist" aria-busy="true" /> : files.length === 0 && !list.problem ? <div class="nothing"><Empty>{only ? "All files have arrived." : "The job has no files."}</Empty></div> : (
        <div class="scroll">
          <table class="tight">
            <thead><tr><th scope="col">File</th><th scope="col" class="wide">For frames</th><th scope="col">State</th><th scope="col" class="num">Size</th></tr></thead>
            <tbody>
              {files.map((f) => {
                const away = only || list.missing.has(f.path);
                return (
                  <tr key={f.path}>
                    <td><code><Name of={f.original || f.path} /></code></td>
                    <td class="wide nw dim">{f.first !== undefined && f.last !== undefined ? `${f.first}-${f.last}` : "all"}</td>
                    <td class="nw"><span class={away ? "state warn" : "state done"}>{away ? "missing" : "sent"}</span></td>
                    <td class="num">{bytes(f.size || 0)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {list && files.length > 0 && (
        <div class="nothing actions">
          <span class="dim">{count(files.length, "file")}, {bytes(files.reduce((n, f) => n + (f.size || 0), 0))}{list.next && ", and more"}</span>
          {list.next && <Button icon="down" disabled={busy} onClick={() => void read(list.next)}>Show more</Button>}
        </div>
      )}
    </Card>
  );
}
