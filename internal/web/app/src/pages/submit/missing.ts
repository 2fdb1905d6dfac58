// Files that a scene misses, and which of the files here are they.
import { signal } from "@preact/signals";
import type { InspectedFile } from "../../api/model";
import { fold, type Item } from "./item";

export interface Placed { path: string; original: string; item: Item }

// pool are files that were not at a place where the scene looks: left out, or dropped later.
export const pool = signal<Item[]>([]);
export const chosen = signal<ReadonlyMap<string, string>>(new Map()); // of files with the same name: which one somebody took, by path

const base = (path: string) => path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
const key = (path: string) => fold(base(path));

// nameOf is the name of a missing file, as the scene stores it.
export const nameOf = (f: InspectedFile) => base((f.stored || f.original || f.path).replace(/[/\\]+$/, ""));

// alike is how many folders above two files have the same names.
function alike(a: string, b: string): number {
  const x = fold(a).split(/[/\\]+/).reverse();
  const y = fold(b).split(/[/\\]+/).reverse();
  let n = 0;
  while (n < x.length && n < y.length && x[n] === y[n]) n++;
  return n;
}

export interface Match {
  file: InspectedFile;
  candidates: string[]; // paths of files, or of folders, with its name; the likeliest first
  take?: string; // the one that is taken
}

// matches are the missing files that can be given, each with what it may be. all are the files that are here.
export function match(files: InspectedFile[], all: Item[], picked: ReadonlyMap<string, string>): Match[] {
  const byName = new Map<string, string[]>();
  const folders = new Map<string, Set<string>>();
  const put = <T>(map: Map<string, T>, name: string, make: () => T) => map.get(name) ?? (map.set(name, make()), map.get(name)!);
  for (const { path } of all) {
    put(byName, key(path), () => []).push(path);
    const parts = path.split("/");
    for (let i = 1; i < parts.length; i++) put(folders, fold(parts[i - 1]!), () => new Set()).add(parts.slice(0, i).join("/"));
  }
  return files.map((file) => {
    const name = fold(nameOf(file));
    const stored = file.stored || file.original || file.path;
    const found = file.folder ? [...(folders.get(name) ?? [])] : byName.get(name) ?? [];
    const candidates = [...new Set(found)].sort((a, b) => alike(b, stored) - alike(a, stored) || a.localeCompare(b));
    const own = picked.get(file.path);
    const sure = candidates.length === 1 || candidates.length > 1 && alike(candidates[0]!, stored) > alike(candidates[1]!, stored);
    return { file, candidates, take: own !== undefined && candidates.includes(own) ? own : sure ? candidates[0] : undefined };
  });
}

const pattern = (path: string) => fold(path).replace(/[0-9]+/g, "#");
const dir = (path: string) => path.slice(0, path.lastIndexOf("/") + 1);

// place gives what was taken the places where the scene looks. Of a sequence the others in its folder come along, of a cache
// all that is in it.
export function place(taken: Match[], all: Item[], have: Iterable<string>): Placed[] {
  const used = new Set([...have].map(fold));
  const out: Placed[] = [];
  const byPath = new Map(all.map((i) => [i.path, i]));
  const add = (path: string, original: string, item: Item) => {
    if (used.has(fold(path))) return;
    used.add(fold(path));
    out.push({ path, original, item });
  };
  const beside = (original: string, name: string) => (original ? original.slice(0, original.length - base(original).length) + name : "");
  for (const { file, take } of taken) {
    if (!take || !file.path) continue;
    if (file.folder) {
      const root = file.path.replace(/\/$/, "");
      const over = file.original.replace(/[/\\]$/, "");
      const slash = over.includes("\\") ? "\\" : "/";
      for (const i of all) {
        if (!i.path.startsWith(take + "/")) continue;
        const rest = i.path.slice(take.length + 1);
        add(`${root}/${rest}`, over && over + slash + rest.replaceAll("/", slash), i);
      }
      continue;
    }
    add(file.path, file.original, byPath.get(take)!);
    if (!file.sequence || base(file.path) !== base(take)) continue;
    for (const i of all) {
      if (dir(i.path) === dir(take) && pattern(i.path) === pattern(take)) add(dir(file.path) + base(i.path), beside(file.original, base(i.path)), i);
    }
  }
  return out;
}

export const nothingChosen = () => {
  pool.value = [];
  chosen.value = new Map();
};

export const pick = (file: string, path: string) => (chosen.value = new Map([...chosen.value, [file, path]]));

