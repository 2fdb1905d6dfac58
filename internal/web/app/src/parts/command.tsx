// A command to copy. Browsers give pages their clipboard only where they came encrypted; elsewhere the old way does.
import { useRef, useState } from "preact/hooks";
import { Button } from "./basics";

export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "vh";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function Command({ text, label }: { text: string; label: string }) {
  const [done, set] = useState<boolean>();
  const timer = useRef(0);
  return (
    <div class="command">
      <pre tabIndex={0} aria-label={label}><code>{text}</code></pre>
      <Button icon="copy" label={`Copy: ${label}`} onClick={async () => {
        set(await copy(text));
        clearTimeout(timer.current);
        timer.current = window.setTimeout(() => set(undefined), 2500);
      }}>{done === undefined ? "Copy" : done ? "Copied" : "Select it, please"}</Button>
      <span class="vh" role="status">{done ? "Copied" : ""}</span>
    </div>
  );
}
