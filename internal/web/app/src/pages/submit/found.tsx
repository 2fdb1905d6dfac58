// What a worker found in the scene: whether it renders, what it is, and what it misses.
import { Button, Card, Facts, Name, Trouble } from "../../parts/basics";
import { Icon } from "../../parts/icon";
import type { Inspection } from "../../api/model";
import { Problem, sentence } from "../../api/call";
import { droppedOf } from "../../dropped";
import { count, number, plain, result } from "../../words";
import { Picker } from "./choose";
import * as flow from "./flow";
import { engineName } from "./formview";
import { look, type Look } from "./look";
import { type Match, nameOf, pick } from "./missing";

export function Found() {
  const l = look.value!;
  const r = l.report;
  return (
    <>
      <Card title="Scene" class={r && (r.problem || r.errors.length > 0) ? "warns" : ""}>
        <p role="status" class="lookstate">{says(l)}</p>
        {l.state === "waits" && l.why && <p class="dim small">{sentence(plain(l.why))} You need not wait: fill in the form, and start.</p>}
        {l.state === "failed" && <Trouble of={new Problem(0, "failed", sentence(l.why), "The job can be started all the same.")} />}
        {r?.problem && <Trouble of={new Problem(0, "unreadable", sentence(r.problem), sentence(r.hint ?? ""))} />}
        {r && <Sentences of={r} />}
        {r?.scene && <Scene of={r} job={l.job} />}
      </Card>
      {r && flow.found.value.length > 0 && <Missing of={r} />}
    </>
  );
}

function says(l: Look): string {
  switch (l.state) {
    case "sends": return "A worker looks at the scene when its files are sent.";
    case "waits": return "Waiting for a worker to look at the scene.";
    case "runs": return "A worker looks at the scene.";
    case "failed": return "The scene could not be looked at.";
    case "done": return l.report!.problem ? "Blender could not read the scene." : l.report!.errors.length > 0 ? "The scene does not render as it is." : l.report!.warnings.length > 0 ? "The scene renders; some things may be worth a look." : "The scene is ready to render.";
  }
}

function Sentences({ of: r }: { of: Inspection }) {
  if (r.errors.length + r.warnings.length === 0) return null;
  return (
    <ul class="sentences">
      {r.errors.map((o) => <li key={o.text} class="error"><Icon name="stop" size={16} /><span><b class="vh">Error: </b>{sentence(plain(o.text))} {o.hint && o.about !== "missing" && <span class="dim">{sentence(plain(o.hint))}</span>}</span></li>)}
      {r.warnings.map((w) => <li key={w}><Icon name="warn" size={16} /><span><b class="vh">Warning: </b>{sentence(plain(w))}</span></li>)}
    </ul>
  );
}

function Scene({ of: r, job }: { of: Inspection; job: number }) {
  const s = r.scene;
  const others = (s.scenes ?? []).length - 1;
  const cameras = (s.cameras ?? []).length - 1;
  return (
    <div class="lookscene">
      <Facts of={[
        ["Scene", <><Name of={s.name} />{others > 0 && <span class="dim">, and {count(others, "other")} in the file</span>}</>],
        ["Camera", s.camera ? <><Name of={s.camera} />{cameras > 0 && <span class="dim">, and {count(cameras, "other")}</span>}</> : <span class="bad">none</span>],
        ["Frames", `${s.frame_start || 0} to ${s.frame_end || 0}${(s.frame_step || 1) > 1 ? ` in steps of ${s.frame_step}` : ""}${s.fps ? `, ${number2(s.fps)} a second` : ""}`],
        ["Picture", s.width ? `${s.width} × ${s.height}${s.percent && s.percent !== 100 ? ` (${s.percent}\u00a0%)` : ""}` : ""],
        ["Engine", `${engineName(s.engine)}${s.samples ? `, ${number(s.samples)} samples` : ""}${s.denoiser ? ", denoised" : ""}`],
        ["Format", s.format ? `${formatName(s.format)}${s.movie ? ": its frames come as pictures" : ""}` : ""],
        ["View layers", (s.view_layers ?? []).length > 0 ? <Name of={s.view_layers!.join(", ")} /> : ""],
        ["Saved by", s.saved_by ? `Blender ${plain(s.saved_by)}` : ""],
        ["Looked at by", s.blender ? `Blender ${plain(s.blender)}` : ""],
        ["Add-ons", (r.needs.addons ?? []).length > 0 ? <Name of={r.needs.addons!.join(", ")} /> : ""],
        ["Files it uses", r.files_total ? `${number(r.files_total)}${r.files_missing ? `, ${number(r.files_missing)} missing` : ""}` : "none but itself"],
      ]} />
      <img class="thumb" src={result(job, "thumbnail.png")} alt="The picture that the .blend carries" onError={(e) => e.currentTarget.remove()} />
    </div>
  );
}

const number2 = (n: number) => String(Math.round(n * 100) / 100);

const formats: Record<string, string> = { OPEN_EXR: "OpenEXR", OPEN_EXR_MULTILAYER: "OpenEXR, multilayer", FFMPEG: "a movie", JPEG2000: "JPEG 2000", TARGA: "Targa" };
const formatName = (f: string) => formats[f] ?? plain(f);

const shown = 200;

function Missing({ of: r }: { of: Inspection }) {
  const all = flow.found.value;
  const needed = all.filter((m) => m.file.needed);
  const others = all.filter((m) => !m.file.needed);
  const ready = all.filter((m) => m.take).length;
  const asks = all.filter((m) => !m.take && m.candidates.length > 1).length;
  return (
    <Card title={needed.length > 0 ? "Missing files" : "Files that are not there"} class="missing">
      <div onDragOver={(e) => e.preventDefault()} onDrop={(e) => {
        e.preventDefault();
        void flow.give(droppedOf(e.dataTransfer!));
      }}>
        <p>{needed.length > 0 ? "Drop them here, or a folder that has them: they are found by their names." : "The scene names them, but nothing that is rendered uses them."}</p>
        <ul class="missinglist">
          {[...needed, ...others].slice(0, shown).map((m) => <Row key={m.file.path || m.file.stored} of={m} />)}
        </ul>
        {(all.length > shown || r.files_cut > 0) && <p class="dim">and {number(Math.max(0, all.length - shown) + (r.files_cut || 0))} more.</p>}
        {asks > 0 && <p class="bad">{count(asks, "file")} could be one of several: choose which.</p>}
        <div class="actions">
          <Button kind={ready > 0 ? "main" : ""} disabled={ready === 0 || flow.stage.value !== "read" || !!flow.wanted.value} onClick={() => void flow.lookAgain()}>
            {ready > 0 ? `Look again, with ${count(ready, "file")}` : "Look again"}
          </Button>
          <Picker onFiles={(files) => void flow.give({ entries: [], files })}>Add files</Picker>
          <Picker folder onFiles={(files) => void flow.give({ entries: [], files })}>Add a folder</Picker>
        </div>
      </div>
    </Card>
  );
}

function Row({ of: { file: f, candidates, take } }: { of: Match }) {
  const users = f.users ?? [];
  return (
    <li>
      <span class={`state ${take ? "ok" : f.needed ? "failed" : "waiting"}`}>{take ? "found" : f.needed ? "missing" : "unused"}</span>
      <span class="what">
        <b><Name of={nameOf(f)} /></b> <span class="dim"><Name of={f.kind} /></span>
        <span class="dim small stored"><Name of={f.stored} /></span>
        {users.length > 0 && <span class="dim small stored">used by <Name of={users.slice(0, 4).join(", ")} />{users.length > 4 && ` and ${number(users.length - 4)} more`}</span>}
        {!f.path && <span class="bad small stored">It cannot be given a place from here: make its path relative in Blender, or pack it.</span>}
        {f.path && candidates.length > 1 && (
          <label class="inline field"><span>Which one?</span>
            <select value={take ?? ""} onChange={(e) => pick(f.path, e.currentTarget.value)}>
              {!take && <option value="">choose</option>}
              {candidates.slice(0, 100).map((c) => <option key={c} value={c}>{plain(c)}</option>)}
            </select>
          </label>
        )}
        {take && candidates.length === 1 && <span class="small stored">is <Name of={take} /></span>}
      </span>
    </li>
  );
}
