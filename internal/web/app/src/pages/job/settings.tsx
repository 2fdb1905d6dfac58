// Settings of a job that can be changed while it runs, and frames that are to be rendered again.
import { useState } from "preact/hooks";
import { act } from "../../api/call";
import type { Job } from "../../api/model";
import { Button, Card } from "../../parts/basics";
import { attempt, sure } from "../../parts/tell";
import { count, frames as framesOf } from "../../words";
import type { FramesData } from "./data";
import { failed, numerals } from "./model";

const words = (text: string) => text.split(",").map((s) => s.trim()).filter(Boolean);

export function Settings({ of: j }: { of: Job }) {
  const now: Record<string, string> = {
    name: j.name, priority: String(j.priority), attempts: String(j.attempts || ""), timeout: String(j.timeout_s || ""),
    tags: (j.needs.tags ?? []).join(", "), allow: (j.needs.allow ?? []).join(", "), deny: (j.needs.deny ?? []).join(", "), keep: j.keep ? "yes" : "",
  };
  const [edited, edit] = useState<Record<string, string>>({});
  const value = (name: string) => edited[name] ?? now[name]!;
  const set = (name: string) => (e: Event) => {
    const to = (e.currentTarget as HTMLInputElement).value;
    edit((all) => ({ ...all, [name]: to }));
  };
  const changed = Object.keys(edited).filter((name) => edited[name] !== now[name]);
  const save = async (e: Event) => {
    e.preventDefault();
    const change: Record<string, unknown> = {};
    for (const name of changed) {
      const text = value(name);
      if (name === "priority" || name === "attempts") change[name] = Number(text || 0);
      else if (name === "timeout") change.timeout_s = Number(text || 0);
      else if (name === "keep") change.keep = text === "yes";
      else if (name === "name") change.name = text;
      else change[name] = words(text);
    }
    if (await attempt(() => act("PATCH", `/jobs/${j.id}`, change), "The settings are changed.")) edit({});
  };
  return (
    <Card title="Settings" id="settings">
      <form class="form" onSubmit={(e) => void save(e)}>
        <label class="field whole"><span>Name</span><input value={value("name")} onInput={set("name")} required maxLength={200} /></label>
        <label class="field"><span>Priority, 1 to 100</span><input type="number" min="1" max="100" step="1" required value={value("priority")} onInput={set("priority")} /></label>
        <label class="field"><span>Tries of a frame</span><input type="number" min="0" max="100" step="1" placeholder="as the farm's rules say" value={value("attempts")} onInput={set("attempts")} /></label>
        <label class="field"><span>Longest time of a frame, seconds</span><input type="number" min="0" step="1" placeholder="no limit of its own" value={value("timeout")} onInput={set("timeout")} /></label>
        <label class="field"><span>Workers must have the tags</span><input placeholder="any" value={value("tags")} onInput={set("tags")} /></label>
        <label class="field"><span>Only these workers</span><input placeholder="all" value={value("allow")} onInput={set("allow")} /></label>
        <label class="field"><span>Not these workers</span><input placeholder="none" value={value("deny")} onInput={set("deny")} /></label>
        <label class="whole"><input type="checkbox" checked={value("keep") === "yes"} onChange={(e) => { const on = e.currentTarget.checked; edit((all) => ({ ...all, keep: on ? "yes" : "" })); }} /> Never clean it up</label>
        <div class="actions whole"><Button kind="main" type="submit" disabled={changed.length === 0}>Save</Button>{changed.length > 0 && <Button onClick={() => edit({})}>Undo</Button>}</div>
      </form>
      <p class="dim small">A job of priority 2 gets as much of the farm as two jobs of priority 1. Several tags or workers are separated by commas.</p>
    </Card>
  );
}

// Again has frames rendered again.
export function Again({ of: j, frames }: { of: Job; frames: FramesData }) {
  const [text, set] = useState<string>();
  const f = frames.value;
  const broken = f && j.failed > 0 ? numerals(f.numbers.filter((_, i) => f.states[i] === failed)) : "";
  const value = text ?? broken;
  const go = async (e: Event) => {
    e.preventDefault();
    const all = value.trim().toLowerCase() === "all";
    if (all && !(await sure(`Render all ${count(framesOf(j)?.total ?? f?.total ?? 0, "frame")} again?`, "Render all again", "The pictures that are there stay until new ones take their place."))) return;
    const body = all ? { all: true } : { frames: value.replaceAll(" ", "") };
    if (await attempt(() => act("POST", `/jobs/${j.id}/retry`, body), all ? "All frames are rendered again." : `Frames ${value} are rendered again.`)) set(undefined);
  };
  return (
    <Card title="Render frames again">
      <form class="form" onSubmit={(e) => void go(e)}>
        <label class="field whole"><span>Frames, as 1-250 or 3,7,9, of {j.frames}; or all</span><input required autoComplete="off" value={value} onInput={(e) => set(e.currentTarget.value)} /></label>
        <div class="actions whole"><Button icon="retry" type="submit" disabled={!value.trim()}>Render again</Button></div>
      </form>
      <p class="dim small">The pictures that are there stay until new ones take their place.</p>
    </Card>
  );
}
