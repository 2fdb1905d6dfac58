// Runs beside the page: reads files and sums them up, so that the page does not stand still.
import { sha256 } from "@noble/hashes/sha2.js";

interface Ask { id: number; blob: Blob; size: number; crc?: number } // crc: deflated, as in a zip
type Say = (m: { id: number; bytes?: number; ref?: string; problem?: "changed" | "zip" }) => void;

const say: Say = (m) => postMessage(m);
const slice = 8 * 1024 * 1024;
const atOnce = 128 * 1024 * 1024; // files of up to so many bytes are summed up by the browser itself, where it does

const hex = (sum: Uint8Array) => Array.from(sum, (b) => b.toString(16).padStart(2, "0")).join("");

// crcs is the table of CRC-32 (ISO 3309), as zips have it.
const crcs = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let i = 0; i < 8; i++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});

onmessage = (e: MessageEvent<Ask>) => {
  const a = e.data;
  (a.crc === undefined ? plain(a) : packed(a)).then(
    (ref) => say(ref ? { id: a.id, ref } : { id: a.id, problem: "zip" }),
    () => say({ id: a.id, problem: a.crc === undefined ? "changed" : "zip" }),
  );
};

async function plain({ id, blob, size }: Ask): Promise<string> {
  if (size <= atOnce && globalThis.crypto.subtle) return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer())));
  const sum = sha256.create();
  let next = blob.slice(0, slice).arrayBuffer();
  for (let at = 0; at < size; at += slice) {
    const now = new Uint8Array(await next);
    if (at + slice < size) next = blob.slice(at + slice, at + 2 * slice).arrayBuffer(); // comes while this one is summed up
    for (let i = 0; i < now.length; i += 1 << 20) sum.update(now.subarray(i, i + (1 << 20)));
    say({ id, bytes: at + now.length });
  }
  return hex(sum.digest());
}

async function packed({ id, blob, size, crc }: Ask): Promise<string> {
  const sum = sha256.create();
  const reader = blob.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  let c = 0xffffffff;
  let have = 0;
  let told = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    have += value.length;
    if (have > size) { // it is more than it says
      void reader.cancel();
      return "";
    }
    sum.update(value);
    for (let i = 0; i < value.length; i++) c = (c >>> 8) ^ crcs[(c ^ value[i]!) & 255]!;
    if (have - told > slice) {
      told = have;
      say({ id, bytes: have });
    }
  }
  return have === size && (~c >>> 0) === crc ? hex(sum.digest()) : "";
}
