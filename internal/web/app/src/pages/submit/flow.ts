// One submission, from what was dropped to the job. It goes on while other pages of ours are looked at.
import { computed, effect, signal } from "@preact/signals";
import { act, Problem, problemOf } from "../../api/call";
import type { Dropped } from "../../dropped";
import { tell } from "../../parts/tell";
import { go, here } from "../../route";
import { count, plain } from "../../words";
import { announce, type Announced, type ManifestFile } from "./announce";
import { auto, autoOf, clear, fill, form, type Spec, specOf } from "./form";
import { countFrames } from "./frames";
import { gather } from "./gather";
import { type Gathered, isBlend, readBlend, sum } from "./item";
import { follow, forget, look, remove } from "./look";
import { chosen, match, nothingChosen, place, type Placed, pool } from "./missing";
import { split } from "./split";
import { sumUp } from "./sum";
import { type Sending, Uploader } from "./upload";

export type Stage = "empty" | "looking" | "choosing" | "reading" | "read";

export const stage = signal<Stage>("empty");
export const counted = signal(0); // files found while folders are walked through
export const drop = signal<Gathered | undefined>(undefined);
export const placed = signal<Placed[]>([]); // files that were missing and have been given since
export const scene = signal(""); // path of the .blend that is the scene
export const readBytes = signal(0);
export const sending = signal<Sending | undefined>(undefined);
export const sends = signal(0); // who waits for files to be sent
export const problem = signal<Problem | undefined>(undefined);
export const retry = signal<(() => void) | undefined>(undefined); // does again what failed
export const wanted = signal<Spec | undefined>(undefined); // the job that was asked for, until it is sent
export const trying = signal(false); // a worker tries what a frame takes
export const job = signal(0); // its number, once the master has it

export const blends = computed(() => (drop.value?.items ?? []).filter((i) => isBlend(i.path)).map((i) => i.path).sort((a, b) => a.split("/").length - b.split("/").length || a.localeCompare(b)));
export const items = computed(() => [...new Set([...(drop.value?.items ?? []), ...placed.value.map((p) => p.item)])]);
export const total = computed(() => sum(items.value));
export const busy = computed(() => stage.value === "reading" || sends.value > 0);

let run = new AbortController();
let looking = new AbortController(); // the inspection under way
let cut: "" | "tiles" | "samples" = ""; // how many of them the job that was asked for has is found out
let uploader: Uploader | undefined;

// reset forgets what was dropped. What is under way ends.
export function reset() {
  const ended = new DOMException("another was begun", "AbortError");
  run.abort(ended);
  looking.abort(ended);
  run = new AbortController();
  uploader?.stop();
  uploader = undefined;
  stage.value = "empty";
  drop.value = sending.value = problem.value = retry.value = wanted.value = undefined;
  placed.value = [];
  trying.value = false;
  counted.value = readBytes.value = job.value = sends.value = 0;
  scene.value = "";
  forget();
  nothingChosen();
  clear();
}

// guarded does a part of a submission. How it went wrong is shown, unless another one has begun; back is where one is then.
async function guarded(back: Stage, what: (signal: AbortSignal) => Promise<void>, again?: () => void) {
  const { signal } = run;
  problem.value = retry.value = undefined;
  try {
    await what(signal);
  } catch (err) {
    if (signal.aborted || err instanceof DOMException && err.name === "AbortError") return;
    problem.value = err instanceof Problem ? err : err instanceof Error ? new Problem(0, "unusable", err.message) : problemOf(err);
    retry.value = again && problem.value.kind !== "unusable" ? again : undefined;
    stage.value = back;
    wanted.value = undefined;
  }
}

// take begins with what was dropped or chosen.
export function take(of: Dropped) {
  reset();
  stage.value = "looking";
  return guarded("empty", async (signal) => {
    const got = await gather(of, (n) => {
      if (!signal.aborted) counted.value = n;
    });
    signal.throwIfAborted();
    if (got.items.length === 0) throw new Error(got.left.length > 0 ? `Nothing of it can go along: “${got.left[0]!.path}”, ${got.left[0]!.why}.` : "There is nothing in it that a scene could use.");
    drop.value = got;
    if (blends.value.length === 0) throw new Error("There is no .blend among these files. Drop the scene's .blend, with the files that it uses.");
    pool.value = got.left.flatMap((l) => l.item ?? []);
    if (blends.value.length > 1) stage.value = "choosing";
    else void choose(blends.value[0]!);
  });
}

// choose names the scene among the files, reads them, and has a worker look at it.
export function choose(path: string) {
  return guarded("empty", async (signal) => {
    const blend = items.value.find((i) => i.path === path)!;
    const about = await readBlend(blend).catch(() => {
      throw new Error(`“${path}” cannot be read. Wait until it is saved, and drop it again.`);
    });
    signal.throwIfAborted();
    if (!about.ok) throw new Error(`“${path}” is not a Blender file, or not all of one.`);
    scene.value = path;
    fill({ name: path.slice(path.lastIndexOf("/") + 1).replace(/\.blend$/i, ""), blender: about.version });
    await read(signal);
    goOn();
  });
}

async function read(signal: AbortSignal) {
  stage.value = "reading";
  readBytes.value = 0;
  await sumUp(items.value, (n) => {
    if (!signal.aborted) readBytes.value = n;
  }, signal);
  signal.throwIfAborted();
  stage.value = "read";
}

// goOn has the scene looked at, and starts the job if somebody wanted so meanwhile.
function goOn() {
  if (wanted.value) void guarded("read", send, startAgain);
  else void inspect();
}

function manifest(): ManifestFile[] {
  return [
    ...drop.value!.items.map((i) => ({ path: i.path, original: "", size: i.size, sha256: i.ref! })),
    ...placed.value.map(({ path, original, item }) => ({ path, original, size: item.size, sha256: item.ref! })),
  ];
}

function inspect() {
  return guarded("read", async () => {
    looking.abort(new DOMException("looked at anew", "AbortError"));
    looking = new AbortController();
    const { signal } = looking;
    const before = look.value?.job;
    look.value = { job: 0, state: "sends", why: "" };
    const told = await announce({ name: form.value.name.trim() || "scene", blend: scene.value, inspect: true, frames: "1" }, manifest());
    if (before && before !== told.job.id) remove(before);
    if (signal.aborted) return remove(told.job.id);
    look.value = { job: told.job.id, state: "sends", why: "" };
    await sendFiles(told, signal);
    look.value = { job: told.job.id, state: "waits", why: "" };
    const report = await follow(told.job.id, signal);
    if (report?.scene) fill({ frames: report.frames, blender: report.needs.blender || form.value.blender, ...(report.scene.movie && { film: auto }) });
  }, () => void inspect());
}

// give adds files that may be those that the scene misses.
export async function give(of: Dropped) {
  try {
    const got = await gather(of, () => {});
    const before = pool.value.length;
    const some = [...got.items, ...got.left.flatMap((l) => l.item ?? [])];
    const mine = new Set(some.map((i) => i.path));
    pool.value = [...pool.value.filter((i) => !mine.has(i.path)), ...some];
    const missing = (look.value?.report?.files ?? []).filter((f) => f.missing);
    const useful = match(missing, some, new Map()).filter((m) => m.candidates.length > 0).length;
    tell(useful > 0 ? `${count(useful, "missing file")} found among ${count(some.length, "file")}.` : `None of the ${count(some.length, "file")} has the name of one that is missing.`, useful === 0 && pool.value.length >= before);
  } catch (err) {
    tell(err instanceof Error ? err.message : problemOf(err).message, true);
  }
}

export const found = computed(() => match((look.value?.report?.files ?? []).filter((f) => f.missing), [...pool.value, ...items.value], chosen.value));

// lookAgain puts what was found in its places, and has the scene looked at anew.
export function lookAgain() {
  return guarded("read", async (signal) => {
    const here = [...pool.value, ...items.value];
    placed.value = [...placed.value, ...place(found.value, here, manifest().map((f) => f.path))];
    await read(signal);
    goOn();
  });
}

// start asks for the job that the form describes; it is announced once all files were read.
export async function start() {
  if (wanted.value) return;
  const report = look.value?.report;
  wanted.value = specOf(form.value, scene.value, report);
  cut = autoOf(form.value, report);
  if (stage.value === "read") await guarded("read", send, startAgain);
}

const startAgain = () => void start();

async function send(signal: AbortSignal) {
  let spec = wanted.value!;
  if (cut) {
    trying.value = true;
    try {
      const [best, says] = await split(spec, cut === "samples", countFrames(spec.frames) ?? 1, manifest(), sendFiles, signal);
      signal.throwIfAborted();
      spec = best;
      tell(says);
    } finally {
      if (!signal.aborted) trying.value = false;
    }
  }
  const told = await announce(spec, manifest());
  signal.throwIfAborted();
  job.value = told.job.id;
  await sendFiles(told, signal);
  const at = told.job.id;
  const looks = here.value.pathname === "/submit";
  reset();
  if (looks) go(`/jobs/${at}`);
  else tell(`All files of ${plain(spec.name)} are sent.`);
}

async function sendFiles(told: Announced, signal: AbortSignal) {
  const { signal: running } = run;
  const mine = (uploader ??= new Uploader((s) => {
    if (!running.aborted) sending.value = s;
  }));
  sends.value++;
  try {
    await mine.send(told.missing, new Map(items.value.map((i) => [i.ref!, i])));
    told.sent();
  } catch (err) {
    if (uploader === mine) uploader = undefined;
    throw err;
  } finally {
    if (!running.aborted) sends.value--;
  }
  signal.throwIfAborted();
}

// cancel ends what is under way, and the job that waits for its files.
export async function cancel() {
  const id = job.value;
  reset();
  if (id) await act("POST", `/jobs/${id}/cancel`).then(() => tell("The job is canceled."), (err) => tell(problemOf(err).message, true));
}

// Whoever closes the page while files are on their way is asked.
const ask = (e: BeforeUnloadEvent) => {
  e.preventDefault();
  e.returnValue = true; // older browsers
};
effect(() => (busy.value ? addEventListener("beforeunload", ask) : removeEventListener("beforeunload", ask)));
