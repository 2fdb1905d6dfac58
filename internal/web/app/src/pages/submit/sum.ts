// Sums files up (SHA-256) in workers beside the page.
import worker from "worker:./sum.worker";
import type { Item } from "./item";

interface Said { id: number; bytes?: number; ref?: string; problem?: "changed" | "zip" }

// sumUp gives each item its ref. tell hears how many bytes of all are done. An item that cannot be read as it was has it end
// with an error that names it.
export async function sumUp(items: Item[], tell: (bytes: number) => void, signal: AbortSignal): Promise<void> {
  const todo = items.filter((i) => !i.ref);
  if (todo.length === 0) return;
  const workers = Array.from({ length: Math.min(4, todo.length, Math.max(1, (navigator.hardwareConcurrency || 2) - 1)) }, () => new Worker(new URL(worker, import.meta.url)));
  const under = new Map<number, number>(); // bytes of those that are being read
  let next = 0;
  let done = 0;
  try {
    await new Promise<void>((finish, fail) => {
      let left = todo.length;
      signal.addEventListener("abort", () => fail(signal.reason));
      const give = (w: Worker) => {
        if (next >= todo.length) return;
        const { blob, size, packed } = todo[next]!;
        w.postMessage({ id: next++, blob, size, ...(packed && { crc: packed.crc }) });
      };
      for (const w of workers) {
        w.onerror = () => fail(new Error("This browser cannot read files beside the page. Send the scene with netrender render instead."));
        w.onmessage = ({ data }: MessageEvent<Said>) => {
          const item = todo[data.id]!;
          if (data.problem) return fail(new Error(unread(item, data.problem)));
          if (data.ref) {
            item.ref = data.ref;
            done += item.size;
            under.delete(data.id);
            if (--left === 0) finish();
            else give(w);
          } else under.set(data.id, data.bytes ?? 0);
          tell([...under.values()].reduce((n, b) => n + b, done));
        };
        give(w);
        if (todo[next] && todo[next]!.size < 1 << 20) give(w); // small ones: the next is there when one is done
      }
    });
  } finally {
    for (const w of workers) w.terminate();
  }
}

export const unread = (item: Item, problem: "changed" | "zip") => problem === "zip"
  ? `“${item.path}” in the zip is damaged. Make the zip again, or drop the folder instead.`
  : `“${item.path}” was changed, moved or closed to this browser while it was read. Wait until it is saved, and drop it again.`;
