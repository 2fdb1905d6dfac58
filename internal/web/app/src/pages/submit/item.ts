// Files on their way to a job: where they come from in this browser, where they go, and what is left out of them.
import { bytes, count } from "../../words";

// Item is a file for a job. Its bytes are a piece of the disk, read when they are needed and never held as a whole.
export interface Item {
  path: string; // in the job's folder
  size: number; // bytes
  blob: Blob; // the file, or what is packed of it
  packed?: { crc: number }; // it is an entry of a zip, deflated; the sum of what comes out
  ref?: string; // SHA-256, once it was read
}

// Left is a file that does not go along.
export interface Left { path: string; why: string; item?: Item }

export interface Gathered { items: Item[]; left: Left[]; junk: number }

export const mostFiles = 200_000; // of a job
const mostPath = 1024; // bytes of a path, and of each of its parts
const mostPart = 255;

const length = (text: string) => new TextEncoder().encode(text).length;

const device = /^(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])\s*(\.|$)/i;

// badPath says why a path cannot be one in a job, as the master would; "" when it can.
export function badPath(path: string): string {
  if (length(path) > mostPath) return "its path is too long";
  for (const part of path.split("/")) {
    if (part === "" || part === "." || part === "..") return "its path leads elsewhere";
    if (length(part) > mostPart) return "its name is too long";
    if (/[. ]$/.test(part)) return "its name ends in a dot or space, which Windows does not have";
    if (device.test(part)) return "its name is a device on Windows";
    if (/[\u0000-\u001f\u007f-\u009f\\:*?"<>|\ud800-\udfff]/u.test(part)) return "its name has characters that some machines cannot have";
  }
  return "";
}

// fold is the same for two paths that some file system takes for one.
export const fold = (path: string) => path.normalize("NFD").toUpperCase().toLowerCase().normalize("NFD");

const junkNames = new Set([".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"]);
const junkFolders = new Set(["__macosx", ".git", ".svn", ".hg", ".trashes", ".spotlight-v100", "$recycle.bin"]);

// isJunk tells what systems and programs leave beside files, and Blender's own backups.
export function isJunk(path: string): boolean {
  const parts = path.toLowerCase().split("/");
  const name = parts.pop()!;
  return junkNames.has(name) || name.startsWith("._") || /\.blend\d+$/.test(name) || /\.blend@$/.test(name) || parts.some((p) => junkFolders.has(p));
}

export const isBlend = (path: string) => /\.blend$/i.test(path);

// Gatherer takes files one by one and keeps those that may go along.
export class Gatherer {
  readonly items: Item[] = [];
  readonly left: Left[] = [];
  junk = 0;
  private taken = new Set<string>();

  add(item: Item) {
    if (isJunk(item.path)) {
      this.junk++;
      return;
    }
    const why = badPath(item.path);
    const key = fold(item.path);
    if (why) this.left.push({ path: item.path, why, item });
    else if (this.taken.has(key)) this.left.push({ path: item.path, why: "another file has this name on some machines", item });
    else if (this.items.length === mostFiles) throw new Error(`That is more than ${count(mostFiles, "file")}, the most a job may have. Drop a smaller folder, or send it with netrender render, which takes only what the scene uses.`);
    else {
      this.taken.add(key);
      this.items.push(item);
    }
  }

  get gathered(): Gathered {
    return { items: this.items, left: this.left, junk: this.junk };
  }
}

export const sum = (items: Item[]) => items.reduce((n, i) => n + i.size, 0);

export const amount = (items: Item[]) => `${count(items.length, "file")}, ${bytes(sum(items))}`;

// stream reads what an item is, from its beginning. What comes out of a zip is refused where it is more than was said.
export function stream(item: Item): ReadableStream<Uint8Array<ArrayBuffer>> {
  return item.packed ? item.blob.stream().pipeThrough(new DecompressionStream("deflate-raw")) : item.blob.stream();
}

// head reads the first bytes of an item.
async function head(from: ReadableStream<Uint8Array>, n: number): Promise<Uint8Array> {
  const reader = from.getReader();
  const out = new Uint8Array(n);
  let have = 0;
  try {
    while (have < n) {
      const { done, value } = await reader.read();
      if (done) break;
      const some = value.subarray(0, n - have);
      out.set(some, have);
      have += some.length;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
  return out.subarray(0, have);
}

export interface Blend { ok: boolean; version: string } // version: as "4.5"; "": it does not say in words that browsers can read

// readBlend looks at the beginning of a .blend (Blender's doc/blender_file_format: "BLENDER", sizes, version); files that are
// packed by zstd, as Blender 3.0 and later packs them, keep their version to themselves.
export async function readBlend(item: Item): Promise<Blend> {
  let first = await head(stream(item), 17);
  if (first[0] === 0x28 && first[1] === 0xb5 && first[2] === 0x2f && first[3] === 0xfd) return { ok: true, version: "" };
  if (first[0] === 0x1f && first[1] === 0x8b) first = await head(stream(item).pipeThrough(new DecompressionStream("gzip")), 17).catch(() => new Uint8Array());
  const text = String.fromCharCode(...first);
  const old = /^BLENDER[-_][vV](\d)(\d\d)/.exec(text);
  const now = /^BLENDER\d\d-\d\dv(\d\d)(\d\d)/.exec(text);
  const found = old ?? now;
  return found ? { ok: true, version: `${Number(found[1])}.${Number(found[2])}` } : { ok: text.startsWith("BLENDER"), version: "" };
}
