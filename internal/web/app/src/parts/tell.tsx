// Words to whoever looks: what was done, what went wrong, and questions before what cannot be taken back.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { problemOf } from "../api/call";
import { plain } from "../words";
import { Button } from "./basics";

interface Note { id: number; text: string; hint?: string; bad?: boolean }

const notes = signal<Note[]>([]);
let count = 0;

export function tell(text: string, bad = false, hint = "") {
  const id = ++count;
  notes.value = [...notes.value.slice(-3), { id, text, bad, hint }];
  setTimeout(() => drop(id), bad ? 15000 : 5000);
}

const drop = (id: number) => (notes.value = notes.value.filter((n) => n.id !== id));

// attempt does something and tells how it went; true when it went well.
export async function attempt(what: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await what();
    if (done) tell(done);
    return true;
  } catch (err) {
    const p = problemOf(err);
    tell(p.message, true, p.hint);
    return false;
  }
}

export function Notes() {
  return (
    <div class="notes" role="status" aria-live="polite">
      {notes.value.map((n) => (
        <div key={n.id} class={n.bad ? "note bad" : "note"}>
          <span>{plain(n.text)} {n.hint && <span class="dim">{plain(n.hint)}</span>}</span>
          <Button kind="plain" icon="close" label="Close" onClick={() => drop(n.id)} />
        </div>
      ))}
    </div>
  );
}

interface Question { text: string; more?: string; yes: string; answer: (yes: boolean) => void }

const question = signal<Question | undefined>(undefined);

// sure asks before what cannot be taken back.
export function sure(text: string, yes: string, more = ""): Promise<boolean> {
  return new Promise((answer) => (question.value = { text, more, yes, answer }));
}

export function Asked() {
  const q = question.value;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (q) dialog.current?.showModal();
  }, [q]);
  if (!q) return null;
  const say = (yes: boolean) => {
    question.value = undefined;
    q.answer(yes);
  };
  return (
    <dialog ref={dialog} class="asked" onClose={() => say(false)} aria-labelledby="asked">
      <h2 id="asked">{plain(q.text)}</h2>
      {q.more && <p>{plain(q.more)}</p>}
      <div class="actions end">
        <Button onClick={() => say(false)}>No</Button>
        <Button kind="danger" onClick={() => say(true)}>{q.yes}</Button>
      </div>
    </dialog>
  );
}
