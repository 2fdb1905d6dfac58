// The form: what is rendered, and how.
import type { ComponentChildren } from "preact";
import { get } from "../../api/call";
import { useData } from "../../api/data";
import type { WorkerList } from "../../api/model";
import { Button, Card } from "../../parts/basics";
import { Icon } from "../../parts/icon";
import { count, number, plain } from "../../words";
import * as flow from "./flow";
import { auto, edit, engineOf, fitting, type Form, form, unbaked, wrong } from "./form";
import { countFrames } from "./frames";
import { look } from "./look";

type Text = { [K in keyof Form]: Form[K] extends string ? K : never }[keyof Form];

const set = (name: Text) => (e: Event) => edit(name, (e.currentTarget as HTMLInputElement).value as never);

export const engines: [id: string, text: string][] = [["CYCLES", "Cycles"], ["BLENDER_EEVEE", "EEVEE"], ["BLENDER_WORKBENCH", "Workbench"]];

export const engineName = (id: string) => (id === "BLENDER_EEVEE_NEXT" ? "EEVEE" : engines.find(([e]) => e === id)?.[1] ?? id);

export function FormView() {
  const report = look.value?.report;
  const own = report?.scene?.engine ?? "";
  const hint = report?.scene ? range(report.scene) : "";
  const bad = !!report && (report.errors.length > 0 || !!report.problem);
  const f = form.value;
  const frames = countFrames(f.frames);
  const wanted = flow.wanted.value;
  const keepsNothing = f.exr === "none" && !f.outputs && !f.preview;
  const amiss = wrong(fitting(f, report));
  const waits = !wanted ? "" : flow.trying.value ? "A worker tries how long a frame takes." : flow.stage.value === "read" ? "It starts when the files are sent." : "It starts when the files are read.";
  return (
    <Card title="Job" class="jobform">
      <form onSubmit={(e) => {
        e.preventDefault();
        if (frames && !keepsNothing && !amiss) void flow.start();
      }}>
        <fieldset class="form" disabled={!!wanted}>
          <label class="field whole"><span>Name</span><input required maxLength={200} value={plain(f.name)} onInput={set("name")} /></label>
          <label class="field"><span>Frames</span><input id="frames" required placeholder="1-250" autocomplete="off" spellcheck={false} value={f.frames} onInput={set("frames")} aria-describedby="framesays" aria-invalid={f.frames.trim() !== "" && !frames} /></label>
          <label class="field"><span>Engine</span>
            <select value={f.engine} onChange={set("engine")}>
              <option value="">{own ? `the scene's own (${engineName(own)})` : "the scene's own"}</option>
              {engines.map(([id, text]) => <option key={id} value={id}>{text}</option>)}
            </select>
          </label>
          <p id="framesays" class="whole small dim">{f.frames.trim() !== "" && !frames ? <span class="bad">Write frames as 1-250, 1,5,9 or 1-100x5.</span> : frames ? `${count(frames, "frame")}${hint ? `; ${hint}` : ""}.` : hint ? `${hint}.` : "As 1-250, or 1,5,9, or 1-100x5 for every fifth."}</p>
          <Parts />
        </fieldset>
        <More disabled={!!wanted} />
        {amiss && !keepsNothing && <p class="bad" role="alert">{amiss}</p>}
        {keepsNothing && <p class="bad">Nothing of the job would be kept: choose at least one kind of result.</p>}
        <div class="actions">
          <Button type="submit" kind={bad ? "danger" : "main"} icon="play" disabled={!!wanted || !frames || keepsNothing || !!amiss || !f.name.trim()}>{bad ? "Start anyway" : "Start"}</Button>
          <span class="dim small" role="status">{waits}</span>
        </div>
      </form>
    </Card>
  );
}

const films: [id: string, text: string][] = [["", "none"], [auto, "as fits"], ["scene", "as the scene encodes"], ["mp4", "MP4: H.264"], ["webm", "WebM: VP9 or AV1"], ["lossless", "lossless: FFV1"]];

// Parts are how each frame is cut, what becomes of simulations, and the film: only what fits the scene.
function Parts() {
  const report = look.value?.report;
  const all = form.value;
  const f = fitting(all, report);
  const simulations = unbaked(all, report);
  const refused = simulations.filter((s) => s.refused);
  return (
    <>
      <label class="field"><span>Each frame is rendered</span>
        <select value={f.parts} disabled={f.simulations === "order"} onChange={set("parts")}>
          <option value="">whole, by one worker</option>
          <option value="tiles">in tiles, by many workers</option>
          {engineOf(all, report) === "CYCLES" && <option value="samples">in parts of its samples</option>}
        </select>
      </label>
      {f.parts === "tiles" && <label class="field"><span>Tiles, as 4x3, or auto</span><input required autocomplete="off" spellcheck={false} value={f.tiles} onInput={set("tiles")} /></label>}
      {f.parts === "samples" && <label class="field"><span>Parts, 2 to 64, or auto</span><input required autocomplete="off" spellcheck={false} value={f.samples} onInput={set("samples")} /></label>}
      {countFrames(f.frames) !== 1 && (
        <label class="field"><span>Film of the frames</span>
          <select value={f.film} onChange={set("film")}>{films.map(([id, text]) => <option key={id} value={id}>{text}</option>)}</select>
        </label>
      )}
      {simulations.length > 0 && (
        <>
          <label class="field"><span>Simulations</span>
            <select value={f.simulations} onChange={set("simulations")} aria-describedby="simsays">
              <option value="">as they are, not baked</option>
              {refused.length === 0 && <option value="bake">baked by the farm first</option>}
              <option value="order">frames in order, on one worker</option>
            </select>
          </label>
          <p id="simsays" class="whole small dim">{simulates(f, simulations, refused)}</p>
        </>
      )}
    </>
  );
}

// simulates says what becomes of simulations that are not baked.
function simulates(f: Form, all: ReturnType<typeof unbaked>, refused: ReturnType<typeof unbaked>): string {
  const some = all.slice(0, 3).map((s) => plain(s.text)).join(", ") + (all.length > 3 ? ` and ${number(all.length - 3)} more` : "");
  if (f.simulations === "bake") return `${some}: computed first; all frames read what comes of it.`;
  if (f.simulations === "order") return `${some}: one worker renders all frames from the first on, one after the other.`;
  if (refused.length > 0) return `Not baked: ${some}. The farm cannot bake ${refused.slice(0, 2).map((s) => `${plain(s.text)} (${plain(s.refused)})`).join(", ")}.`;
  return `Not baked: ${some}. Every frame would show the state of the first.`;
}

// range is the scene's own.
export function range(s: { frame_start?: number; frame_end?: number; frame_step?: number }): string {
  const step = s.frame_step || 1;
  return `the scene has ${s.frame_start || 0} to ${s.frame_end || 0}${step > 1 ? `, in steps of ${number(step)}` : ""}`;
}

function More({ disabled }: { disabled: boolean }) {
  const f = form.value;
  const report = look.value?.report;
  const parts = fitting(f, report);
  const workers = useData((signal) => get<WorkerList>("/workers", { limit: 1000 }, signal), []);
  const list = workers.value?.workers ?? [];
  const names = [...new Set(list.map((w) => w.name))].sort();
  const tags = [...new Set(list.flatMap((w) => w.tags ?? []))].sort();
  const scripts = list.filter((w) => w.facts.scripts).length;
  return (
    <details class="more">
      <summary>More options</summary>
      <fieldset class="form" disabled={disabled}>
        <label class="field"><span>Priority, 1 to 100</span><input type="number" min="1" max="100" step="1" required value={f.priority} onInput={set("priority")} /></label>
        <label class="field"><span>Order of the frames</span>
          <select value={f.order} onChange={set("order")}><option value="linear">first to last</option><option value="reverse">last to first</option><option value="outside-in">outside in: a preview early</option></select>
        </label>
        <label class="field"><span>Frames handed out together</span><input type="number" min="1" max="10000" step="1" required value={f.chunk} onInput={set("chunk")} /></label>
        <label class="field"><span>Tries of a frame</span><input type="number" min="1" max="100" step="1" placeholder="as the farm's rules say" value={f.attempts} onInput={set("attempts")} /></label>
        <label class="field"><span>Time limit of a frame, s</span><input type="number" min="0" step="1" placeholder="no limit" value={f.timeout} onInput={set("timeout")} /></label>
        <label class="field"><span>Blender, at least</span><input pattern="\d+(\.\d+){0,2}" placeholder="any" title="A version, as 4.5" autocomplete="off" value={f.blender} onInput={set("blender")} /></label>
        {parts.parts === "tiles" && (
          <>
            <label class="field"><span>Pixels rendered around a tile</span><input type="number" min="0" max="1024" step="1" required value={f.overscan} onInput={set("overscan")} /></label>
            {engineOf(f, report) === "CYCLES" && <div class="whole boxes"><Box name="adaptive">Keep adaptive sampling in tiles: quicker, but pixels near the cuts differ</Box></div>}
          </>
        )}
        <Several name="tags" text="Workers must have the tags" of={tags} none="any worker" />
        <Several name="allow" text="Only these workers" of={names} none="all of them" />
        <Several name="deny" text="Not these workers" of={names} none="none" />
        <fieldset class="whole boxes">
          <legend>Results</legend>
          <label class="inline field"><span>Multilayer EXR</span>
            <select value={f.exr} onChange={set("exr")}><option value="full">full: every pass, 32 bits</option><option value="half">half: 16 bits</option><option value="none">none</option></select>
          </label>
          <Box name="outputs">the pictures that the scene itself writes</Box>
          <Box name="preview">previews for these pages</Box>
        </fieldset>
        <div class="whole boxes">
          <Box name="keep">Never clean it up</Box>
          <Box name="scripts">Let the scene's own Python run</Box>
          <p class="dim small">Python in a scene can do on a worker whatever Blender may: read files, use the network. Tick it only for scenes of people you trust, and where drivers or text blocks need it. It runs on workers that allow it: {list.length > 0 ? `${number(scripts)} of ${number(list.length)}` : "none now"}.</p>
        </div>
      </fieldset>
    </details>
  );
}

function Box({ name, children }: { name: "outputs" | "preview" | "keep" | "scripts" | "adaptive"; children: ComponentChildren }) {
  return <label class="box"><input type="checkbox" checked={form.value[name]} onChange={(e) => edit(name, e.currentTarget.checked)} /> {children}</label>;
}

// Several are names chosen one by one from those that the farm has.
function Several({ name, text, of, none }: { name: "tags" | "allow" | "deny"; text: string; of: string[]; none: string }) {
  const chosen = form.value[name];
  const rest = of.filter((n) => !chosen.includes(n));
  return (
    <div class="field">
      <label class="field"><span>{text}</span>
        <select value="" disabled={rest.length === 0} onChange={(e) => {
          const one = e.currentTarget.value;
          e.currentTarget.value = "";
          if (one) edit(name, [...chosen, one]);
        }}>
          <option value="">{chosen.length > 0 ? "add another" : none}</option>
          {rest.map((n) => <option key={n} value={n}>{plain(n)}</option>)}
        </select>
      </label>
      {chosen.length > 0 && (
        <ul class="chips">{chosen.map((n) => (
          <li key={n} class="chip">{plain(n)}<button type="button" class="plain only" aria-label={`Without ${plain(n)}`} onClick={() => edit(name, chosen.filter((c) => c !== n))}><Icon name="close" size={14} /></button></li>
        ))}</ul>
      )}
    </div>
  );
}
