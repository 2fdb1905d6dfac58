// The files that a job is made of, and which of them have not arrived.
import { useEffect, useState } from "preact/hooks";
import { get, Problem } from "../../api/call";
import { Button, Card, Empty, Name, Trouble } from "../../parts/basics";
import { asked, ask } from "../../route";
import { bytes, count } from "../../words";
import { lost } from "./data";
import type { FileList, JobFile } from "./model";
import type { PartOf } from "./part";

const page = 200;

export function Files({ job: j }: PartOf) {
  const only = asked("show") === "missing";
  const [list, set] = useState<{ of: string; files: JobFile[]; missing: Set<string>; next: string; problem?: Problem }>();
  const [busy, work] = useState(false);
  const of = `${j.id} ${only} ${j.missing || 0}`;
  const read = async (after = "", stop?: AbortSignal) => {
    work(true);
    try {
      const [part, missing] = await Promise.all([
        get<FileList>(`/jobs/${j.id}/${only ? "missing" : "files"}`, { after, limit: page }, stop),
        j.missing > 0 ? get<FileList>(`/jobs/${j.id}/missing`, { limit: 1000 }, stop) : undefined,
      ]);
      set((was) => ({
        of, files: [...(after && was?.of === of ? was.files : []), ...(part.files ?? [])],
        missing: new Set((missing?.files ?? []).map((f) => f.path)), next: part.next ?? "",
      }));
    } catch (err) {
      if (!stop?.aborted) set((was) => ({ of, files: was?.files ?? [], missing: was?.missing ?? new Set(), next: was?.next ?? "", problem: err as Problem }));
    }
    work(false);
  };
  useEffect(() => {
    const stop = new AbortController();
    void read("", stop.signal);
    return () => stop.abort();
  }, [of]);
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
