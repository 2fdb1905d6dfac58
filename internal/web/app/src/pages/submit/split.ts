// Into how many parts frames are cut, where that is left to the farm: a worker tries what a frame takes, and the master says what
// is best for the slots that could take parts now.
import { act } from "../../api/call";
import type { Inspection } from "../../api/model";
import type { components } from "../../api/schema";
import { count, plain, span } from "../../words";
import { announce, type Announced, type ManifestFile } from "./announce";
import type { Spec } from "./form";
import { follow, remove } from "./look";

type SplitRequest = components["schemas"]["SplitRequest"];
type SplitReply = components["schemas"]["SplitReply"];

// split is a specification with the parts that are best, and what was chosen, as a sentence.
export async function split(spec: Spec, samples: boolean, frames: number, files: ManifestFile[], send: (told: Announced, signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<[spec: Spec, says: string]> {
  const { overscan: _o, keep_adaptive: _k, ...options } = spec.options;
  const whole = { ...spec, options } as Spec;
  const ask = { needs: spec.needs, scripts: spec.options.scripts, frames, samples } as SplitRequest;
  const say = (why: string): [Spec, string] => [whole, `Frames are rendered whole: ${plain(why)}.`];
  const first = await act<SplitReply>("POST", "/workers/split", ask);
  if (!first.probe) return say(first.why ?? "");
  const told = await announce({ ...whole, inspect: true, probe: true }, files);
  let report: Inspection | undefined;
  let why = "";
  try {
    await send(told, signal);
    report = await follow(told.job.id, signal, (l) => (why = l.why));
  } finally {
    remove(told.job.id);
  }
  if (!report?.probe) return say(`what one takes could not be found out${why && `: ${why}`}`);
  const best = await act<SplitReply>("POST", "/workers/split", { ...ask, probe: report.probe } as SplitRequest);
  const takes = `one would take about ${span((report.probe.fixed_s || 0) + (report.probe.render_s || 0))} on one of ${count(best.slots || 0, "slot")}`;
  if (best.samples_split) return [{ ...whole, samples_split: best.samples_split }, `Each frame is rendered in ${best.samples_split} parts of its samples: ${takes}.`];
  if (best.tiles) return [{ ...spec, tiles: best.tiles }, `Each frame is rendered in ${best.tiles} tiles: ${takes}.`];
  return say(best.why ?? "");
}
