// Sends the bytes that the master lacks: several files at once, and after a break from where each one is.
import { Problem, root, sentence } from "../../api/call";
import { type Item, stream } from "./item";
import { unread } from "./sum";

const atOnce = 3; // browsers make six connections to a master, and others need some
const piece = 8 * 1024 * 1024; // bytes of an entry of a zip that are sent in one call
const silent = 90_000; // milliseconds without a byte or an answer after which a call is given up
const small = 256 * 1024; // bytes of a file that is sent without asking first how much of it came before

export interface Sending { files: number; filesSent: number; bytes: number; sent: number; moved: number; away: boolean; full: string } // moved: bytes that went over the line

// Uploader sends blobs, each once, until stopped.
export class Uploader {
  private readonly all = new Map<string, { item: Item; at: number; state: "waits" | "goes" | "done" }>();
  private readonly queue: string[] = [];
  private readonly stopped = new AbortController();
  private going = 0;
  private moved = 0;
  private troubled = new Map<string, "away" | string>(); // calls that are tried again, and what the master says
  private failed: unknown;
  private waiters: { done: () => void; fail: (err: unknown) => void }[] = [];

  constructor(private readonly tell: (s: Sending) => void) {}

  // send takes on blobs by their refs, and is over when all that were ever taken on are sent.
  send(refs: string[], of: Map<string, Item>): Promise<void> {
    for (const ref of refs) {
      const item = of.get(ref);
      if (!item) return Promise.reject(new Problem(0, "internal", "The master asks for bytes that this page does not have.", "Drop the files again."));
      if (this.all.has(ref)) continue;
      this.all.set(ref, { item, at: 0, state: "waits" });
      this.queue.push(ref);
    }
    return new Promise((done, fail) => {
      this.waiters.push({ done, fail });
      this.pump();
    });
  }

  stop() {
    this.stopped.abort(new DOMException("stopped", "AbortError"));
  }

  private pump() {
    while (!this.failed && this.going < atOnce && this.queue.length > 0) {
      const ref = this.queue.shift()!;
      const entry = this.all.get(ref)!;
      entry.state = "goes";
      this.going++;
      void this.put(ref, entry.item, (at) => {
        entry.at = at;
        this.say();
      }).then(() => {
        entry.at = entry.item.size;
        entry.state = "done";
      }, (err) => {
        this.failed ??= err;
        this.stopped.abort(err);
      }).finally(() => {
        this.going--;
        this.troubled.delete(ref);
        this.say();
        this.pump();
      });
    }
    if (this.going > 0) return;
    for (const w of this.waiters.splice(0)) {
      if (this.failed) w.fail(this.failed);
      else w.done();
    }
    this.say();
  }

  private say() {
    const s: Sending = { files: this.all.size, filesSent: 0, bytes: 0, sent: 0, moved: this.moved, away: false, full: "" };
    for (const { item, at, state } of this.all.values()) {
      s.bytes += item.size;
      s.sent += at;
      if (state === "done") s.filesSent++;
    }
    for (const says of this.troubled.values()) {
      if (says === "away") s.away = true;
      else s.full = says;
    }
    this.tell(s);
  }

  private trouble(ref: string, says?: string) {
    if (says === undefined ? this.troubled.delete(ref) : this.troubled.get(ref) !== says && this.troubled.set(ref, says)) this.say();
  }

  // put sends a blob. It waits for a master that is away or whose disk is full, and goes on where it is.
  private async put(ref: string, item: Item, tell: (bytes: number) => void): Promise<void> {
    const signal = this.stopped.signal;
    let wait = 500;
    let best = -1;
    let mismatch = false;
    let at: number | undefined = item.size <= small ? 0 : undefined;
    for (;;) {
      signal.throwIfAborted();
      try {
        at ??= await offset(ref, signal);
        if (at < 0) return;
        if (at > best) {
          best = at;
          wait = 500;
        }
        await this.sendFrom(ref, item, at, tell);
        return;
      } catch (err) {
        signal.throwIfAborted();
        if (!(err instanceof Problem)) throw err;
        at = undefined;
        if (err.status === 409) continue; // somebody else sends it, or more of it is there: ask
        if (err.status === 422 && !mismatch) { // what came before may have been another's: once more from the start
          mismatch = true;
          best = -1;
        } else if (err.status === 422 || await changed(item)) throw new Problem(0, "mismatch", unread(item, "changed"));
        else if (err.status === 507) this.trouble(ref, `${err.message} ${err.hint}`.trim());
        else if (err.status === 0 || err.status === 408 || err.status === 429 || err.status >= 500) this.trouble(ref, "away");
        else throw err;
        await sleep(wait, signal);
        wait = Math.min(8000, wait * 1.6);
      }
    }
  }

  private async sendFrom(ref: string, item: Item, from: number, tell: (bytes: number) => void): Promise<void> {
    const call = async (body: Blob, at: number) => {
      let before = 0;
      const status = await put(ref, item.size, at, body, (n) => {
        this.trouble(ref);
        this.moved += n - before;
        before = n;
        tell(at + n);
      }, this.stopped.signal);
      this.trouble(ref);
      return status;
    };
    if (!item.packed) {
      if (await call(item.blob.slice(from), from) === 201) return;
    } else if (await inPieces(item, from, call)) return;
    throw new Problem(409, "conflict", "The master has a part of the file only."); // ask where it goes on
  }
}

// inPieces unpacks an entry of a zip and sends it as it comes; what is there already is unpacked and let go.
async function inPieces(item: Item, from: number, call: (body: Blob, at: number) => Promise<number>): Promise<boolean> {
  const reader = stream(item).getReader();
  let at = 0; // of what was unpacked
  let begin = from;
  let held: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const flush = async () => {
    const status = await call(new Blob(held), begin);
    begin += size;
    held = [];
    size = 0;
    return status;
  };
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw new Error(unread(item, "zip"));
      });
      if (done) return await flush() === 201;
      const some = value.subarray(Math.min(value.length, Math.max(0, from - at)));
      at += value.length;
      if (some.length === 0) continue;
      held.push(some);
      size += some.length;
      if (size >= piece && at < item.size && await flush() === 201) return true;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

const path = (ref: string) => `${root}/blobs/${ref}`;

// offset asks how much of a blob is there; -1: all of it.
async function offset(ref: string, signal: AbortSignal): Promise<number> {
  let answer: Response;
  try {
    answer = await fetch(path(ref), { method: "HEAD", cache: "no-store", credentials: "same-origin", signal: AbortSignal.any?.([signal, AbortSignal.timeout(silent)]) ?? signal });
  } catch {
    throw new Problem(0, "unreachable", "The master does not answer.");
  }
  if (answer.ok) return -1;
  const at = answer.headers.get("Upload-Offset");
  if (answer.status === 404 && at !== null) return Number(at);
  throw refusal(answer.status, "");
}

// put makes one call. fetch does not tell how much was sent; this does.
function put(ref: string, size: number, at: number, body: Blob, tell: (bytes: number) => void, signal: AbortSignal): Promise<number> {
  return new Promise((done, fail) => {
    const x = new XMLHttpRequest();
    let timer = 0;
    const alive = () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => x.abort(), silent);
    };
    const stop = () => x.abort();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    };
    x.open("PUT", path(ref));
    x.setRequestHeader("Content-Type", "application/octet-stream");
    x.setRequestHeader("Upload-Offset", String(at));
    x.setRequestHeader("Upload-Size", String(size));
    x.upload.onprogress = (e) => {
      alive();
      tell(e.loaded);
    };
    x.onload = () => {
      end();
      if (x.status === 201 || x.status === 202) done(x.status);
      else fail(refusal(x.status, x.responseText));
    };
    x.onerror = x.onabort = () => {
      end();
      fail(new Problem(0, "unreachable", "The master does not answer."));
    };
    signal.addEventListener("abort", stop);
    alive();
    x.send(body);
  });
}

function refusal(status: number, text: string): Problem {
  if (status === 401) return new Problem(status, "denied", "Your login has ended.", "Log in in another window, then go on here.");
  try {
    const p = JSON.parse(text) as { kind?: string; detail?: string; hint?: string };
    return new Problem(status, p.kind ?? "internal", sentence(p.detail ?? ""), sentence(p.hint ?? ""));
  } catch {
    return new Problem(status, "internal", `The master answered ${status}.`);
  }
}

// changed tells whether a file is no longer what was dropped; browsers then refuse to read it.
const changed = (item: Item) => item.blob.slice(0, 1).arrayBuffer().then(() => false, () => true);

const sleep = (ms: number, signal: AbortSignal) => new Promise<void>((done, fail) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    fail(signal.reason);
  });
});
