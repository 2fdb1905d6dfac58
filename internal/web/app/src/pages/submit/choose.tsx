// Where files come from: dropped, or chosen by the browser's own windows.
import { useRef, useState } from "preact/hooks";
import { Button, Card, Name } from "../../parts/basics";
import { bytes, count, number } from "../../words";
import * as flow from "./flow";
import { amount } from "./item";

// Picker is a button that opens the browser's window for files, or for a folder.
export function Picker({ folder, main, children, onFiles }: { folder?: boolean; main?: boolean; children: string; onFiles: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const name = folder ? "a folder" : "files";
  return (
    <>
      <input ref={input} class="vh" type="file" tabIndex={-1} aria-label={`${children}: ${name}`} multiple {...(folder && { webkitdirectory: true })}
        onChange={(e) => {
          const files = [...e.currentTarget.files!];
          e.currentTarget.value = ""; // so that the same may be chosen again
          if (files.length > 0) onFiles(files);
        }} />
      <Button kind={main ? "main" : ""} onClick={() => input.current!.click()}>{children}</Button>
    </>
  );
}

const takeFiles = (files: File[]) => void flow.take({ entries: [], files });

export function Choose() {
  return (
    <Card class="dropzone">
      <h2>Drop a .blend here</h2>
      <p>Or the folder of a project, or a zip of one: what the scene uses should come with it, in the places where the scene looks for it.</p>
      <div class="actions">
        <Picker main onFiles={takeFiles}>Choose files</Picker>
        <Picker folder onFiles={takeFiles}>Choose a folder</Picker>
      </div>
      <p class="dim small">The files go to this farm's master and its workers only. What the farm has already is not sent again.</p>
    </Card>
  );
}

// Chosen says what was dropped, and asks which .blend is the scene.
export function Chosen() {
  const stage = flow.stage.value;
  const d = flow.drop.value;
  if (!d) return <p>Looking through the folders{flow.counted.value > 0 && `: ${count(flow.counted.value, "file")} so far`}.</p>;
  return (
    <>
      <p>{amount(flow.items.value)}{d.junk > 0 && <span class="dim">; {count(d.junk, "file")} that no scene uses (backups, and what systems leave behind) left out</span>}.</p>
      {d.left.length > 0 && (
        <details class="left">
          <summary>{count(d.left.length, "file")} cannot go along</summary>
          <ul>{d.left.slice(0, 50).map((l) => <li key={l.path}><Name of={l.path} />: {l.why}.</li>)}{d.left.length > 50 && <li>and {number(d.left.length - 50)} more</li>}</ul>
        </details>
      )}
      {stage === "choosing" && <Which />}
    </>
  );
}

function Which() {
  const all = flow.blends.value;
  const [one, set] = useState("");
  const sizes = new Map(flow.drop.value!.items.map((i) => [i.path, i.size]));
  return (
    <form class="which" onSubmit={(e) => {
      e.preventDefault();
      void flow.choose(one);
    }}>
      <fieldset>
        <legend>Which .blend is rendered?</legend>
        <div class="whichlist">
          {all.slice(0, 500).map((path) => (
            <label key={path}>
              <input type="radio" name="scene" checked={path === one} onChange={() => set(path)} /> <Name of={path} /> <span class="dim nw">{bytes(sizes.get(path) ?? 0)}</span>
            </label>
          ))}
        </div>
        {all.length > 500 && <p class="dim">and {number(all.length - 500)} more, deeper in the folders. Drop fewer to see them.</p>}
      </fieldset>
      <p class="dim small">The others go along: the scene may link them.</p>
      <div class="actions"><Button type="submit" kind="main" disabled={!one}>Go on</Button></div>
    </form>
  );
}
