// A field that is told of when somebody is done with it, on a page that changes meanwhile.
import { useState } from "preact/hooks";

interface Of {
  value: string | number;
  type: "number" | "date" | "text";
  onChange: (text: string) => unknown; // a promise: what was typed stays until it is kept
  min?: string; max?: string; step?: string; placeholder?: string; class?: string; label?: string;
}

// Typed holds what is typed until it is taken or left; else it shows value, however often that is drawn again.
export function Typed({ value, onChange, label, ...rest }: Of) {
  const [typed, type] = useState<string>();
  return (
    <input {...(rest as object)} aria-label={label} value={typed ?? value} onInput={(e) => type(e.currentTarget.value)} onBlur={() => type(undefined)}
      onChange={(e) => void Promise.resolve(onChange(e.currentTarget.value)).then(() => type(undefined))} />
  );
}
