// Jobs as the master is told of them. One that was announced and not wholly sent has its key kept in this browser, so that the
// same files dropped again go on with it and make no second job.
import { act, get } from "../../api/call";
import { ended, type Job } from "../../api/model";
import type { components } from "../../api/schema";

export type ManifestFile = { path: string; original: string; size: number; sha256: string };
type Reply = { job: Job; missing: string[]; more: boolean };
type FileList = components["schemas"]["FileList"];

const prefix = "netrender.sent.";
const kept = 7 * 86400_000; // milliseconds

interface Kept { key: string; at: number }

function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

// mark is a short name of a request: not a proof, it tells the few that one browser sends apart.
function mark(text: string): string {
  let a = 0x811c9dc5, b = 0x9e3779b1;
  for (let i = 0; i < text.length; i++) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x85ebca6b) ^ (b >>> 13);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36) + text.length.toString(36);
}

function remembered(name: string): string | undefined {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(prefix) && Date.now() - (JSON.parse(localStorage.getItem(key)!) as Kept).at > kept) localStorage.removeItem(key);
    }
    return (JSON.parse(localStorage.getItem(name) ?? "null") as Kept | null)?.key;
  } catch {
    return undefined; // a browser may keep nothing
  }
}

function remember(name: string, key: string) {
  try {
    localStorage.setItem(name, JSON.stringify({ key, at: Date.now() } satisfies Kept));
  } catch { /* then not */ }
}

export interface Announced {
  job: Job;
  missing: string[]; // refs that are to be sent
  sent: () => void; // it has all its files: the next one like it is another job
}

// announce makes a job of a specification and its files, or finds the one that it made of them before.
export async function announce(spec: object, files: ManifestFile[]): Promise<Announced> {
  const name = prefix + mark(JSON.stringify([spec, files]));
  let key = remembered(name);
  for (;;) {
    const again = key !== undefined;
    key ??= newKey();
    remember(name, key);
    const reply = await act<Reply>("POST", "/jobs", { spec: { ...spec, key }, files });
    if (again && ended(reply.job.state)) { // that one is over: this is a new one
      key = undefined;
      forget(name);
      continue;
    }
    return { job: reply.job, missing: reply.more ? await allMissing(reply.job.id) : reply.missing ?? [], sent: () => forget(name) };
  }
}

const forget = (name: string) => {
  try {
    localStorage.removeItem(name);
  } catch { /* nothing was kept */ }
};

async function allMissing(job: number): Promise<string[]> {
  const refs = new Set<string>();
  for (let after = "";;) {
    const page = await get<FileList>(`/jobs/${job}/missing`, { after, limit: 1000 });
    for (const f of page.files ?? []) refs.add(f.sha256!);
    if (!page.next) return [...refs];
    after = page.next;
  }
}
