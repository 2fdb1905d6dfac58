// The film that was made of a job's frames.
import { useState } from "preact/hooks";
import { address } from "../../api/call";
import type { Job } from "../../api/model";
import { Button, Card } from "../../parts/basics";

const kinds: Record<string, string> = { mp4: "H.264 in MP4", webm: "VP9 or AV1 in WebM", lossless: "FFV1 in Matroska, which browsers do not play", scene: "encoded as the scene says" };

// Film shows it, or one of each view, where the browser can play it; else it says so, and it can be downloaded all the same.
export function Film({ of: j }: { of: Job }) {
  const views = j.views ?? [];
  if (views.length === 0) return <One of={j} title="Film" />;
  return <>{views.map((v, i) => <One key={v.name} of={j} view={i + 1} title={`Film of ${v.name}`} />)}</>;
}

function One({ of: j, view, title }: { of: Job; view?: number; title: string }) {
  const [wrong, set] = useState<"" | "kind" | "line">("");
  const [tries, again] = useState(0);
  const of = view === undefined ? {} : { view };
  const file = address(`/jobs/${j.id}/film`, { ...of, v: j.ended, tries });
  const whole = address(`/jobs/${j.id}/film`, of);
  const kind = kinds[j.film?.format ?? ""];
  return (
    <Card title={title} aside={<a download href={whole}>Download</a>}>
      {wrong === "" && (
        <video key={tries} class="film" controls preload="metadata" src={file} aria-label={`${title.replace("Film", "The film")}, job ${j.id}`}
          onLoadedMetadata={(e) => e.currentTarget.videoWidth === 0 && set("kind")} // its sound alone would be played
          onError={(e) => set(e.currentTarget.error?.code === MediaError.MEDIA_ERR_NETWORK ? "line" : "kind")} />
      )}
      {wrong === "kind" && <p role="status">This browser cannot play the film{kind && ` (${kind})`}. <a download href={whole}>Download it</a> for a player; a job with <code>--film=webm</code> makes one that browsers play.</p>}
      {wrong === "line" && <p role="status">The film did not come whole. <Button icon="retry" onClick={() => { again(tries + 1); set(""); }}>Try again</Button></p>}
    </Card>
  );
}
