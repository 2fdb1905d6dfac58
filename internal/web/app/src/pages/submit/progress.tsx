// How far reading and sending are.
import { useEffect, useState } from "preact/hooks";
import { bytes, percent, span } from "../../words";
import * as flow from "./flow";
import { look } from "./look";

export function Progress() {
  const stage = flow.stage.value;
  if (stage === "looking" || stage === "choosing") return null;
  const s = flow.sending.value?.files ? flow.sending.value : undefined;
  const sends = flow.sends.value > 0;
  const told = !!look.value && look.value.state !== "sends";
  return (
    <div class="steps">
      <Step title="Read" done={stage === "reading" ? flow.readBytes.value : flow.total.value} of={flow.total.value} ended={stage !== "reading"} unit="read" />
      <Step title="Send" done={s?.sent ?? 0} of={s?.bytes ?? 0} moved={s?.moved} ended={!sends && (!!s || told)} unit="sent"
        idle={s ? "" : sends ? "Asking what the farm lacks." : told ? "The farm had it all." : "What the farm has already is not sent again."} />
      <p class="stepsays" role="status">
        {s?.full ? `${s.full} It goes on when there is room.` : s?.away ? "The master does not answer; this goes on by itself when it does." : sends ? "Please leave this page open until all is sent." : ""}
      </p>
    </div>
  );
}

function Step({ title, done, of, moved = done, ended, unit, idle }: { title: string; done: number; of: number; moved?: number; ended: boolean; unit: string; idle?: string }) {
  const rate = useRate(moved, ended || !!idle);
  const left = rate > 0 ? (of - done) / rate : undefined;
  const whole = of === 0 ? (ended ? 1 : 0) : done / of;
  return (
    <div class="step">
      <span class="stepname">{title}</span>
      <progress aria-label={title} max={1} value={idle && !ended ? 0 : whole} />
      <span class="dim small">
        {idle || (ended ? `${bytes(of)} ${unit}` : `${bytes(done)} of ${bytes(of)}, ${percent(done, of) || "0 %"}${rate > 0 ? `; ${bytes(rate)}/s${left !== undefined && left > 1 ? `, ${span(left)} left` : ""}` : ""}`)}
      </span>
    </div>
  );
}

const lately = 5000; // milliseconds over which a speed is taken

// useRate is how many units a second a figure rises by.
function useRate(now: number, still: boolean): number {
  const [samples] = useState<[at: number, n: number][]>([]);
  const [, redraw] = useState(0);
  useEffect(() => {
    if (still) return;
    const timer = setInterval(() => redraw((n) => n + 1), 1000); // it falls while nothing comes
    return () => clearInterval(timer);
  }, [still]);
  if (still) {
    samples.length = 0;
    return 0;
  }
  const t = performance.now();
  samples.push([t, now]);
  while (samples.length > 2 && t - samples[0]![0] > lately) samples.shift();
  const [at, n] = samples[0]!;
  return t - at > 300 ? Math.max(0, (1000 * (now - n)) / (t - at)) : 0;
}

