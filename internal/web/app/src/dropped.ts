// What is dropped on a page that does not itself take files leads to the page that makes a job of it.
import { signal } from "@preact/signals";
import { submits } from "./me";
import { go, here } from "./route";

export interface Dropped { entries: FileSystemEntry[]; files: File[] }

export const dropped = signal<Dropped | undefined>(undefined); // until the page takes it
export const hovering = signal(false); // files are held over the page

// droppedOf takes what a drop has while its event lasts; afterwards the browser does not give it any more.
export function droppedOf(t: DataTransfer): Dropped {
  const entries: FileSystemEntry[] = [];
  for (const i of t.items) {
    const e = i.kind === "file" ? i.webkitGetAsEntry?.() : null;
    if (e) entries.push(e);
  }
  return { entries, files: [...t.files] };
}

const takes = () => submits && ["/", "/jobs", "/submit"].includes(here.value.pathname);
const hasFiles = (e: DragEvent) => !!e.dataTransfer?.types.includes("Files");

let leaves = 0;

addEventListener("dragover", (e) => {
  if (!hasFiles(e) || e.defaultPrevented) return;
  e.preventDefault(); // else the browser shows the file in place of the page
  clearTimeout(leaves);
  leaves = window.setTimeout(() => (hovering.value = false), 300); // nothing says so when they are taken away again
  hovering.value = takes();
  e.dataTransfer!.dropEffect = takes() ? "copy" : "none";
});

addEventListener("drop", (e) => {
  if (!hasFiles(e) || e.defaultPrevented) return;
  e.preventDefault();
  hovering.value = false;
  if (!takes()) return;
  dropped.value = droppedOf(e.dataTransfer!);
  go("/submit");
});
