// What an admin sets of a worker.
import { useEffect, useState } from "preact/hooks";
import { act } from "../../api/call";
import type { Worker } from "../../api/model";
import { admin } from "../../me";
import { Button, Card, Facts, Name } from "../../parts/basics";
import { attempt } from "../../parts/tell";
import { moment, span } from "../../words";

interface Set { name: string; slots: string; tags: string; hours: string; idle: string }

const of = (w: Worker): Set => ({ name: w.name, slots: w.set_slots ? String(w.set_slots) : "", tags: (w.tags ?? []).join(", "), hours: w.hours || "", idle: w.when_idle_s ? String(w.when_idle_s / 60) : "" });

export function Settings({ of: w, changed }: { of: Worker; changed: () => void }) {
  const there = of(w);
  const own = w.facts?.slots; // undefined: its program cannot be told
  const devices = (w.facts?.devices ?? []).length;
  const [set, change] = useState<Set>(); // undefined: nothing is being edited
  useEffect(() => change(undefined), [w.id]);
  const s = w.schedule;
  if (!set) {
    return (
      <Card title="Settings" aside={admin && <Button onClick={() => change(there)}>Change</Button>}>
        <Facts of={[
          ["Slots", <>{w.slots}{own && w.slots !== own && <span class="dim">, its machine says {own}</span>}{devices > 0 && <>: <Name of={w.facts.devices.join(", ")} /></>}</>],
          ["Tags", (w.tags ?? []).length > 0 ? <Name of={there.tags} /> : <span class="dim">none</span>],
          ["Takes work", <>{w.hours ? <Name of={w.hours} /> : "at any time"}{w.when_idle_s ? `, while nobody used the machine for ${span(w.when_idle_s)}` : ""}</>],
          ["Now", s && <>{s.open ? "takes work" : <Name of={s.text} />}{s.until && <span class="dim">, until {moment(s.until)}</span>}</>],
          ["Scripts of scenes", w.facts?.scripts ? "run when a job asks for them" : "never run"],
          ["Blender is", w.facts?.confined ? "kept inside its job's folder, without a network" : "not confined"],
          ["Shared folders", (w.facts?.shared ?? []).length > 0 && <Name of={w.facts.shared.join(", ")} />],
        ]} />
      </Card>
    );
  }
  const field = (name: keyof Set, text: string, about: string, more: object = {}) => (
    <label class="field">
      <span>{text}</span>
      <input value={set[name]} onInput={(e) => change({ ...set, [name]: e.currentTarget.value })} autocomplete="off" spellcheck={false} {...more} />
      <span class="small">{about}</span>
    </label>
  );
  return (
    <Card title="Settings">
      <form class="fields" onSubmit={async (e) => {
        e.preventDefault();
        const body = { name: set.name.trim(), ...(own && { slots: Number(set.slots || 0) }), tags: set.tags.split(",").map((t) => t.trim()).filter(Boolean), hours: set.hours.trim(), when_idle_s: Math.round(Number(set.idle || 0) * 60) };
        if (!(await attempt(() => act("PATCH", `/workers/${encodeURIComponent(w.id)}`, body), `${body.name} is set.`))) return;
        change(undefined);
        changed();
      }}>
        {field("name", "Name", "As lists show it.", { required: true })}
        {own && field("slots", "Slots", devices > 0 ? "How many of its devices render, a frame each. Empty: all." : "Frames that it renders side by side. Frames under way are finished. Empty: as its machine says.", { type: "number", min: 1, max: devices || 256, placeholder: String(own) })}
        {field("tags", "Tags", "With commas. Jobs may ask for workers that have them.")}
        {field("hours", "Hours", "As mon-fri 19:00-07:00, sat-sun, by the machine's own clock. Empty: at any time.", { placeholder: "at any time" })}
        {field("idle", "Only when nobody used the machine for, minutes", "When somebody comes back, its frames go to other workers. Empty: it does not matter.", { type: "number", min: 0, max: 1440, step: "any", placeholder: "does not matter" })}
        <p class="dim small">{own ? "Devices" : "Slots, devices"} and folders are set on the machine, when its worker is started.</p>
        <div class="actions end">
          <Button onClick={() => change(undefined)}>Leave it</Button>
          <Button type="submit" kind="main" disabled={JSON.stringify(set) === JSON.stringify(there)}>Save</Button>
        </div>
      </form>
    </Card>
  );
}
