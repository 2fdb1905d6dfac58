// What can be taken home from a job.
import { address } from "../../api/call";
import type { Job } from "../../api/model";
import { Icon } from "../../parts/icon";
import { filmed, lost } from "./data";

export function Downloads({ of: j }: { of: Job }) {
  const gone = lost(j, "outputs");
  const zip = (kinds: string, text: string) => <li><a download href={address(`/jobs/${j.id}/results.zip`, { kinds, allow_missing: true })}>{text}</a></li>;
  return (
    <details class="menu">
      <summary class="button"><Icon name="download" size={16} />Download</summary>
      <ul>
        {!gone && filmed(j) && <li><a download href={address(`/jobs/${j.id}/film`)}>Film</a></li>}
        {!gone && j.done > 0 && (
          <>
            {zip("", "All frames, everything (zip)")}
            {j.options.exr !== "none" && zip("exr", "Multilayer EXR only (zip)")}
            {j.options.outputs && zip("output,node", "What the scene writes (zip)")}
            {j.options.preview && zip("preview", "Previews only (zip)")}
          </>
        )}
        <li><a download href={address(`/jobs/${j.id}/archive`, { allow_missing: true })}>Archive of the job (tar.zst)</a></li>
      </ul>
      {gone ? <p class="dim small">Its pictures were cleaned up.</p> : !j.done && <p class="dim small">No frame is done yet.</p>}
    </details>
  );
}
