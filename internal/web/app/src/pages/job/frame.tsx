// One frame: its picture, its attempts, and where its files are.
import { useEffect } from "preact/hooks";
import { act, get } from "../../api/call";
import { useData } from "../../api/data";
import { Button, Card, Empty, Facts, Loaded, Name, State } from "../../parts/basics";
import { Icon } from "../../parts/icon";
import { attempt } from "../../parts/tell";
import { go } from "../../route";
import { bytes, count, megabytes, moment, result, span } from "../../words";
import { grows, lost } from "./data";
import { GrowingPicture } from "./growing";
import { type AttemptList, done, logOf, picture, sentence, stateNames } from "./model";
import type { PartOf } from "./part";
import { FrameParts, parted, taskName } from "./stages";
import { called, frameOf } from "../../picture";

const kinds: Record<string, string> = { exr: "multilayer EXR", output: "output of the scene", node: "output of a node", preview: "preview" };

export function Frame({ job: j, frames, frame, may }: PartOf) {
  const n = Number(frame);
  const f = frames.value;
  const row = f?.at.get(n);
  const data = useData((signal) => get<AttemptList>(`/jobs/${j.id}/attempts`, { frames: n, limit: 1000 }, signal), [j.id, n, row === undefined ? "" : `${f!.attempts[row]} ${f!.states[row]}`]);
  const to = (by: number) => {
    const r = row === undefined ? undefined : f!.numbers[row + by];
    return r === undefined ? undefined : `/jobs/${j.id}/frames/${r}`;
  };
  const [before, after] = [to(-1), to(1)];
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (e.ctrlKey || e.metaKey || e.altKey || (e.target as Element).closest("input, select, textarea, dialog")) return;
      const where = e.key === "ArrowLeft" ? before : e.key === "ArrowRight" ? after : undefined;
      if (where) go(where, true);
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, [before, after]);
  if (!Number.isInteger(n) || f && f.numbers.length >= f.total && row === undefined) return <Empty>The job has no frame {frameOf(n) || frame}. It has {j.frames}.</Empty>;
  const state = row === undefined ? "" : stateNames[f!.states[row]!]!;
  const worker = (id: string) => f?.list.find((w) => w.id === id)?.name;
  return (
    <>
      <div class="framehead">
        <h2>Frame {called(j, n)}</h2>
        <State of={state} />
        <div class="actions">
          <Step to={before} icon="left" label="Frame before" />
          <Step to={after} icon="right" label="Next frame" />
          <a class="button" href={`/jobs/${j.id}/viewer?frame=${n}`}>Viewer</a>
          {may && <Button icon="retry" onClick={() => void attempt(() => act("POST", `/jobs/${j.id}/retry`, { frames: String(n) }), `Frame ${called(j, n)} is rendered again.`)}>Render again</Button>}
        </div>
      </div>
      <Loaded data={data} height={480}>{(list) => {
        const attempts = list.attempts ?? [];
        const good = attempts.findLast((a) => a.outcome === "done" && !a.part);
        const last = attempts.at(-1);
        const p = picture(good?.results);
        const gone = lost(j, "outputs");
        return (
          <>
            <div class="framepicture">
              {p && !gone ? <a href={result(j.id, p.name)} target="_blank"><img key={p.sha256} src={`${result(j.id, p.name)}?v=${p.sha256.slice(0, 8)}`} alt={`Frame ${called(j, n)} as it was rendered`} /></a>
                : !gone && row !== undefined && grows(f!, row) ? <GrowingPicture job={j} frame={n} there={f!.parts[row]!} wide />
                : <p>{gone ? "Its picture was cleaned up." : good ? "The job keeps no picture that a browser shows. The viewer shows the passes of its EXR." : state === "rendering" ? "It is being rendered." : "There is no picture yet."}</p>}
            </div>
            {last && (
              <Card title={last.stage ? `Last attempt: ${taskName(j, last).toLowerCase()}` : "Last attempt"}>
                <Facts of={[
                  ["Outcome", last.outcome === "done" ? "done" : <span class="bad">{last.outcome === "expired" ? "lost" : "failed"}{last.final && " for good"}</span>],
                  ["Rendering took", last.seconds ? span(last.seconds) : ""],
                  ["Begun", moment(last.started)],
                  ["Ended", moment(last.ended)],
                  ["Worker", <a href={`/workers/${last.worker}`}><Name of={worker(last.worker) || "a worker that is gone"} /></a>],
                  ["Memory of Blender", megabytes(last.memory_mb)],
                  ["Blender", last.install && <Name of={last.install} />],
                  ["Attempts", attempts.length > 1 ? count(attempts.length, "attempt") : ""],
                ]} />
                {last.error && <p class="bad"><Name of={sentence(last.error)} /></p>}
                {(last.warnings ?? []).map((w) => <p key={w}><Icon name="warn" size={15} /> <Name of={sentence(w)} /></p>)}
              </Card>
            )}
            {good && !gone && (good.results ?? []).length > 0 && (
              <Card class="flush" title="Files" aside={<a download href={`/api/v1/jobs/${j.id}/results.zip?frames=${n}&allow_missing=1`}>All as zip</a>}>
                <table class="tight">
                  <thead><tr><th scope="col">File</th><th scope="col" class="wide">What it is</th><th scope="col" class="num">Size</th></tr></thead>
                  <tbody>{(good.results ?? []).map((r) => <tr key={r.name}><td><a download href={result(j.id, r.name)}><Name of={r.name} /></a></td><td class="wide dim">{kinds[r.kind] ?? r.kind}</td><td class="num">{bytes(r.size)}</td></tr>)}</tbody>
                </table>
              </Card>
            )}
            {parted(j) && <FrameParts job={j} frames={frames} n={n} />}
            <Card class="flush" title="Attempts">
              {attempts.length === 0 ? <div class="nothing"><Empty>It was not tried yet.</Empty></div> : (
                <div class="scroll"><table class="tight">
                  <thead><tr><th scope="col">Attempt</th>{parted(j) && <th scope="col">Of</th>}<th scope="col">Outcome</th><th scope="col">Worker</th><th scope="col" class="num">Time</th><th scope="col" class="num wide">Memory</th><th scope="col" class="wide">Ended</th><th scope="col">Log</th></tr></thead>
                  <tbody>
                    {[...attempts].reverse().map((a) => (
                      <tr key={a.seq}>
                        <td>{a.attempt}</td>{parted(j) && <td class="nw">{taskName(j, a)}</td>}
                        <td><State of={a.outcome === "expired" ? "lost" : a.outcome} />{a.error && <> <Name of={sentence(a.error)} /></>}</td>
                        <td><Name of={worker(a.worker) || "gone"} /></td>
                        <td class="num">{a.seconds ? span(a.seconds) : ""}</td>
                        <td class="num wide">{megabytes(a.memory_mb)}</td>
                        <td class="nw wide">{moment(a.ended)}</td>
                        <td class="nw">{!lost(j, "logs") && <a href={logOf(j.id, a)}>Log<span class="vh"> of attempt {a.attempt}</span></a>}</td>
                      </tr>
                    ))}
                  </tbody>
                </table></div>
              )}
            </Card>
            {row !== undefined && f!.states[row] !== done && state === "rendering" && <p><a href={`/jobs/${j.id}/log/${n}`}>Its log as it is written</a></p>}
          </>
        );
      }}</Loaded>
    </>
  );
}

const Step = ({ to, icon, label }: { to: string | undefined; icon: "left" | "right"; label: string }) => (to
  ? <a class="button only" href={to} aria-label={label} title={label}><Icon name={icon} size={16} /></a>
  : <Button icon={icon} label={label} disabled />);
