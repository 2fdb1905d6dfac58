// The log of an attempt, read piece by piece and followed while it grows. Lines are slices of the pieces, so that a
// million of them take little more than the text.
import { address, type Problem, problemOf, send } from "../../api/call";

export const plainLine = 0;
export const warnLine = 1;
export const errorLine = 2;

const error = /\berror\b|traceback|exception|fatal|segmentation|out of memory|\bfailed\b|cannot |unable to/i;
const warning = /\bwarn(ing)?\b|deprecat|missing|not found/i;

export const levelOf = (line: string) => (error.test(line) ? errorLine : warning.test(line) ? warnLine : plainLine);

export class LogText {
  lines: string[] = [];
  firstError = -1;
  errors = 0;
  lease = "";
  ended = false; // nothing will be added
  problem?: Problem;
  pieces: string[] = [];
  private open = ""; // what came behind the last end of a line
  private stop = new AbortController();

  constructor(private job: number, private frame: number, private wanted: string, private changed: () => void) {
    void this.follow();
  }

  close() {
    this.stop.abort();
  }

  private async follow() {
    let offset = 0;
    let decoder = new TextDecoder();
    for (;;) {
      await this.seen(); // a tab that nobody sees holds no connection
      if (this.stop.signal.aborted) return;
      const unseen = new AbortController();
      const hidden = () => document.hidden && unseen.abort();
      const end = () => unseen.abort();
      document.addEventListener("visibilitychange", hidden);
      this.stop.signal.addEventListener("abort", end);
      try {
        const answer = await send("GET", address(`/jobs/${this.job}/log`, { frame: this.frame, lease: this.wanted, of: this.lease, offset, wait_ms: 25_000 }), undefined, unseen.signal);
        const bytes = await answer.arrayBuffer();
        const lease = answer.headers.get("Netrender-Lease") ?? "";
        if (this.lease && lease && lease !== this.lease) {
          this.lines = [];
          this.pieces = [];
          this.open = "";
          this.firstError = -1;
          this.errors = 0;
          decoder = new TextDecoder();
        }
        this.lease = lease;
        offset = Number(answer.headers.get("Upload-Offset") ?? offset + bytes.byteLength);
        this.problem = undefined;
        this.ended = !answer.headers.get("Netrender-More");
        this.add(decoder.decode(bytes, { stream: true }), this.ended);
        this.changed();
        if (this.ended) return;
        if (bytes.byteLength === 0) await new Promise((r) => setTimeout(r, 300));
      } catch (err) {
        if (this.stop.signal.aborted) return;
        if (unseen.signal.aborted) continue;
        this.problem = problemOf(err, true);
        this.changed();
        if (this.problem.status !== 0) return;
        await new Promise((r) => setTimeout(r, 2000));
      } finally {
        document.removeEventListener("visibilitychange", hidden);
        this.stop.signal.removeEventListener("abort", end);
      }
    }
  }

  private seen(): Promise<void> {
    return new Promise((done) => {
      const look = () => {
        if (document.hidden && !this.stop.signal.aborted) return;
        document.removeEventListener("visibilitychange", look);
        done();
      };
      document.addEventListener("visibilitychange", look);
      this.stop.signal.addEventListener("abort", look);
      look();
    });
  }

  private add(text: string, last: boolean) {
    if (text) this.pieces.push(text);
    const lines = (this.open + text).split("\n");
    this.open = last ? "" : lines.pop()!;
    if (last && lines.at(-1) === "") lines.pop();
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (error.test(line)) {
        if (this.firstError < 0) this.firstError = this.lines.length;
        this.errors++;
      }
      this.lines.push(line);
    }
  }
}
