// Reads the directory of a zip (PKWARE's APPNOTE.TXT 6.3.10) that lies on the disk; entries are pieces of it.
import { bytes, count, plain } from "../../words";
import { isJunk, type Item, mostFiles } from "./item";

const mostBytes = 2e12; // of all that comes out
const mostDirectory = 512 * 1024 * 1024; // bytes of the directory
const mostGain = 1040; // deflate makes at most 1032 bytes of one (RFC 1951)

const refuse = (text: string) => new Error(text);
const broken = () => refuse("This zip is damaged or not whole. Make it again, or drop the folder instead.");

// readZip lists the files of a zip. What it names is not trusted: an entry that leads out of it, is encrypted, or claims to
// be more than can be in it has the whole refused, with a sentence.
export async function readZip(file: Blob): Promise<{ items: Item[]; junk: number }> {
  const { at, size, entries } = await findDirectory(file);
  if (entries > mostFiles * 2) throw refuse(`This zip has ${count(entries, "entry").replace("entrys", "entries")}; a job takes at most ${count(mostFiles, "file")}.`);
  const view = await read(file, at, size);
  const items: Item[] = [];
  let junk = 0;
  let total = 0;
  let from = 0;
  for (let i = 0; i < entries; i++) {
    if (from + 46 > size || view.getUint32(from, true) !== 0x02014b50) throw broken();
    const flags = view.getUint16(from + 8, true);
    const method = view.getUint16(from + 10, true);
    const crc = view.getUint32(from + 16, true);
    let packed = view.getUint32(from + 20, true);
    let whole = view.getUint32(from + 24, true);
    const nameLength = view.getUint16(from + 28, true);
    const extraLength = view.getUint16(from + 30, true);
    const next = from + 46 + nameLength + extraLength + view.getUint16(from + 32, true);
    const system = view.getUint8(from + 5);
    const mode = view.getUint32(from + 38, true) >>> 16;
    let local = view.getUint32(from + 42, true);
    if (next > size) throw broken();
    const name = text(new Uint8Array(view.buffer, view.byteOffset + from + 46, nameLength), (flags & 0x800) !== 0);
    for (let x = from + 46 + nameLength; x + 4 <= from + 46 + nameLength + extraLength;) {
      const end = x + 4 + view.getUint16(x + 2, true);
      if (view.getUint16(x, true) === 1) { // zip64: those that did not fit, in this order
        let y = x + 4;
        const take = () => {
          if (y + 8 > end || end > size) throw broken();
          y += 8;
          return Number(view.getBigUint64(y - 8, true));
        };
        if (whole === 0xffffffff) whole = take();
        if (packed === 0xffffffff) packed = take();
        if (local === 0xffffffff) local = take();
      }
      x = end;
    }
    from = next;
    const path = name.replaceAll("\\", "/");
    if (path.endsWith("/")) continue;
    if (isJunk(path)) {
      junk++;
      continue;
    }
    const says = `“${plain(path.slice(0, 100))}”`;
    if (path.startsWith("/") || /^[a-z]:/i.test(path) || path.split("/").includes("..")) throw refuse(`This zip has an entry that leads out of it, ${says}. It was not made by packing a folder; nothing of it was taken.`);
    if (flags & 1) throw refuse(`${says} in this zip is encrypted. Make the zip without a password.`);
    if (system === 3 && (mode & 0xf000) === 0xa000) continue; // a link of Unix: what it leads to is here by itself, or nowhere
    if (method !== 0 && method !== 8) throw refuse(`${says} in this zip is packed in a way that browsers do not have. Make the zip with the usual method (deflate), or drop the folder instead.`);
    if (method === 0 && packed !== whole || whole > packed * mostGain + 64 || local + packed > at) throw broken();
    total += whole;
    if (total > mostBytes) throw refuse(`What is in this zip claims to be more than ${bytes(mostBytes)}. Drop the folder instead.`);
    if (items.length === mostFiles) throw refuse(`This zip has more than ${count(mostFiles, "file")}, the most a job may have.`);
    items.push({ path, size: whole, blob: new Piece(file, local, packed) as unknown as Blob, ...(method === 8 && { packed: { crc } }) });
  }
  await locate(file, items);
  if (items.length === 0) throw refuse("This zip is empty.");
  return { items, junk };
}

// Piece stands for an entry until it is known where its bytes begin.
class Piece {
  constructor(readonly of: Blob, readonly local: number, readonly size: number) {}
}

// locate finds where each entry's bytes begin, which only the small head before them says. Heads that lie near one another are
// read at once.
async function locate(file: Blob, items: Item[]) {
  const sorted = [...items].sort((a, b) => (a.blob as unknown as Piece).local - (b.blob as unknown as Piece).local);
  const window = 1 << 20;
  let view: DataView = new DataView(new ArrayBuffer(0));
  let start = 0;
  for (const item of sorted) {
    const { local, size } = item.blob as unknown as Piece;
    if (local < start || local + 30 > start + view.byteLength) {
      start = local;
      view = await read(file, start, Math.min(window, file.size - start));
    }
    const at = local - start;
    if (at + 30 > view.byteLength || view.getUint32(at, true) !== 0x04034b50) throw broken();
    const begin = local + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
    if (begin + size > file.size) throw broken();
    item.blob = file.slice(begin, begin + size);
  }
}

async function read(file: Blob, from: number, size: number): Promise<DataView> {
  try {
    return new DataView(await file.slice(from, from + size).arrayBuffer());
  } catch {
    throw refuse("This zip cannot be read any more: it was changed or moved. Drop it again.");
  }
}

async function findDirectory(file: Blob): Promise<{ at: number; size: number; entries: number }> {
  const tailAt = Math.max(0, file.size - 65_557);
  const tail = await read(file, tailAt, file.size - tailAt);
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw refuse("This is not a zip, or not all of one.");
  if (tail.getUint16(end + 4, true) !== 0 && tail.getUint16(end + 4, true) !== 0xffff) throw refuse("This zip is one of several parts. Make it as one file, or drop the folder instead.");
  let entries = tail.getUint16(end + 10, true);
  let size = tail.getUint32(end + 12, true);
  let at = tail.getUint32(end + 16, true);
  if (end >= 20 && tail.getUint32(end - 20, true) === 0x07064b50 && (entries === 0xffff || size === 0xffffffff || at === 0xffffffff)) {
    const big = await read(file, Number(tail.getBigUint64(end - 12, true)), 56);
    if (big.byteLength < 56 || big.getUint32(0, true) !== 0x06064b50) throw broken();
    entries = Number(big.getBigUint64(32, true));
    size = Number(big.getBigUint64(40, true));
    at = Number(big.getBigUint64(48, true));
  }
  if (size > mostDirectory || at + size > file.size || entries * 46 > size) throw broken();
  return { at, size, entries };
}

// upper is the upper half of code page 437, in which names without a mark are written.
const upper = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

function text(raw: Uint8Array, utf8: boolean): string {
  try { // many programs write UTF-8 and do not say so
    return new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch {
    if (utf8) throw broken();
    return [...raw].map((b) => (b < 128 ? String.fromCharCode(b) : upper[b - 128])).join("");
  }
}
