// One submission, from what was dropped to the job. It goes on while other pages of ours are looked at.
import { computed, effect, signal } from "@preact/signals";
import { act, Problem, problemOf } from "../../api/call";
import type { Dropped } from "../../dropped";
import { go, here } from "../../route";
import { tell } from "../../parts/tell";
import { plain } from "../../words";
import { announce, type Announced, type ManifestFile } from "./announce";
import { clear, fill, form, type Needs, type Spec, specOf } from "./form";
import { gather } from "./gather";
import { type Gathered, isBlend, type Item, readBlend, sum } from "./item";
import { sumUp } from "./sum";
import { type Sending, Uploader } from "./upload";

export type Stage = "empty" | "looking" | "choosing" | "reading" | "read" | "sending";

export const stage = signal<Stage>("empty");
export const counted = signal(0); // files found while folders are walked through
export const drop = signal<Gathered | undefined>(undefined);
export const scene = signal(""); // path of the .blend that is the scene
export const readBytes = signal(0);
export const sending = signal<Sending | undefined>(undefined);
export const problem = signal<Problem | undefined>(undefined);
export const wanted = signal<Spec | undefined>(undefined); // the job that was asked for, until it is sent
export const job = signal(0); // its number, once the master has it

export const blends = computed(() => (drop.value?.items ?? []).filter((i) => isBlend(i.path)).map((i) => i.path).sort((a, b) => a.split("/").length - b.split("/").length || a.localeCompare(b)));
export const total = computed(() => sum(drop.value?.items ?? []));
export const busy = computed(() => stage.value === "reading" || stage.value === "sending");

let run = new AbortController();
let uploader: Uploader | undefined;

// reset forgets what was dropped. What is under way ends.
export function reset() {
  run.abort(new DOMException("another was begun", "AbortError"));
  run = new AbortController();
  uploader?.stop();
  uploader = undefined;
  stage.value = "empty";
  drop.value = sending.value = problem.value = wanted.value = undefined;
  counted.value = readBytes.value = job.value = 0;
  scene.value = "";
  clear();
}

// guarded does a part of a submission; how it went wrong is shown, unless another one has begun.
async function guarded(back: Stage, what: (signal: AbortSignal) => Promise<void>) {
  const { signal } = run;
  problem.value = undefined;
  try {
    await what(signal);
  } catch (err) {
    if (signal.aborted) return;
    problem.value = err instanceof Problem ? err : err instanceof Error ? new Problem(0, "unusable", err.message) : problemOf(err);
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
    if (blends.value.length > 1) stage.value = "choosing";
    else void choose(blends.value[0]!);
  });
}

// choose names the scene among the files, and reads them.
export function choose(path: string) {
  return guarded("empty", async (signal) => {
    const items = drop.value!.items;
    const blend = items.find((i) => i.path === path)!;
    const about = await readBlend(blend).catch(() => {
      throw new Error(`“${path}” cannot be read. Wait until it is saved, and drop it again.`);
    });
    signal.throwIfAborted();
    if (!about.ok) throw new Error(`“${path}” is not a Blender file, or not all of one.`);
    scene.value = path;
    fill({ name: path.slice(path.lastIndexOf("/") + 1).replace(/\.blend$/i, ""), blender: about.version });
    stage.value = "reading";
    await sumUp(items, (n) => {
      if (!signal.aborted) readBytes.value = n;
    }, signal);
    signal.throwIfAborted();
    stage.value = "read";
    if (wanted.value) await send(signal);
  });
}

export function manifest(items: Item[]): ManifestFile[] {
  return items.map((i) => ({ path: i.path, original: "", size: i.size, sha256: i.ref! }));
}

// start asks for the job that the form describes; it is announced once all files were read.
export async function start(needs: Needs) {
  if (wanted.value) return;
  wanted.value = specOf(form.value, scene.value, needs);
  if (stage.value !== "read") return;
  await guarded("read", send);
}

async function send(signal: AbortSignal) {
  const spec = wanted.value!;
  const items = drop.value!.items;
  stage.value = "sending";
  const told = await announce(spec, manifest(items));
  signal.throwIfAborted();
  job.value = told.job.id;
  await sendFiles(told, items, signal);
  told.sent();
  const at = told.job.id;
  const looking = here.value.pathname === "/submit";
  reset();
  if (looking) go(`/jobs/${at}`);
  else tell(`All files of ${plain(spec.name)} are sent.`);
}

async function sendFiles(told: Announced, items: Item[], signal: AbortSignal) {
  uploader ??= new Uploader((s) => {
    if (!signal.aborted) sending.value = s;
  });
  try {
    await uploader.send(told.missing, new Map(items.map((i) => [i.ref!, i])));
  } catch (err) {
    uploader = undefined;
    throw err;
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
