// What was dropped or chosen, as files for a job.
import type { Dropped } from "../../dropped";
import { Gatherer, type Gathered } from "./item";
import { readZip } from "./zip";

const isZip = (name: string) => /\.zip$/i.test(name);

// gather walks through what was dropped. A zip that comes alone is unpacked. tell hears how many files were found.
export async function gather(of: Dropped, tell: (files: number) => void): Promise<Gathered> {
  const into = new Gatherer();
  const add = (path: string, file: File) => {
    into.add({ path, size: file.size, blob: file });
    if (into.items.length % 500 === 0) tell(into.items.length);
  };
  const zip = await alone(of);
  if (zip) {
    const { items, junk } = await readZip(zip);
    into.junk = junk;
    for (const item of items) into.add(item);
  } else if (of.entries.length > 0) {
    for (const e of of.entries) await walk(e, e.name, add);
  } else {
    for (const f of of.files) add(f.webkitRelativePath || f.name, f);
  }
  return into.gathered;
}

async function alone(of: Dropped): Promise<File | undefined> {
  const [entry] = of.entries;
  if (of.entries.length === 1 && entry!.isFile && isZip(entry!.name)) return fileOf(entry as FileSystemFileEntry);
  if (of.entries.length === 0 && of.files.length === 1 && !of.files[0]!.webkitRelativePath && isZip(of.files[0]!.name)) return of.files[0];
  return undefined;
}

const fileOf = (e: FileSystemFileEntry) => new Promise<File>((done, fail) => e.file(done, () => fail(new Error(`“${e.name}” cannot be read.`))));

// walk visits a folder and all in it; browsers hand out its entries a hundred at a time.
async function walk(e: FileSystemEntry, path: string, add: (path: string, file: File) => void) {
  if (e.isFile) return add(path, await fileOf(e as FileSystemFileEntry));
  const reader = (e as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, () => fail(new Error(`The folder “${path}” cannot be read.`))));
    if (some.length === 0) return;
    for (const each of some) await walk(each, `${path}/${each.name}`, add);
  }
}
