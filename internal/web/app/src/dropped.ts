// What is dropped on a page that does not itself take files leads to the page that makes a job of it.
import { signal } from "@preact/signals";
import { submits } from "./me";
import { wear } from "./parts/sheet";
import { go, here } from "./route";

export interface Dropped { entries: FileSystemEntry[]; files: File[] }

export const dropped = signal<Dropped | undefined>(undefined); // until the page takes it

wear(".hovering:not([hidden]) { position: fixed; inset: 0; z-index: 8; display: grid; place-items: center; pointer-events: none; border: 3px dashed var(--main); background: color-mix(in srgb, var(--ground) 75%, transparent); font-size: 1.5rem; font-weight: 650; }");

// over says so while files are held over the page.
const over = document.createElement("p");
over.className = "hovering";
over.setAttribute("role", "status");
over.hidden = true;
over.textContent = "Drop to submit";
document.body.append(over);

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
  leaves = window.setTimeout(() => (over.hidden = true), 300); // nothing says so when they are taken away again
  over.hidden = !takes();
  e.dataTransfer!.dropEffect = takes() ? "copy" : "none";
});

addEventListener("drop", (e) => {
  if (!hasFiles(e) || e.defaultPrevented) return;
  e.preventDefault();
  over.hidden = true;
  if (!takes()) return;
  dropped.value = droppedOf(e.dataTransfer!);
  go("/submit");
});
