// What is around every page: where one is, who one is, and whether the master answers.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { connected } from "./api/live";
import { me, submits } from "./me";
import { Button, Name } from "./parts/basics";
import { Icon, type IconName } from "./parts/icon";
import { Asked, Notes } from "./parts/tell";
import { here } from "./route";

const menu: [href: string, text: string, icon: IconName][] = [
  ["/", "Home", "home"],
  ["/jobs", "Jobs", "jobs"],
  ...(submits ? [["/submit", "Submit", "plus"] as [string, string, IconName]] : []),
  ["/workers", "Workers", "workers"],
  ["/balancing", "Balancing", "balance"],
  ["/statistics", "Statistics", "statistics"],
  ["/settings", "Settings", "settings"],
  ["/addon", "Blender add-on", "addon"],
];

const within = (href: string, path: string) => (href === "/" ? path === "/" : path === href || path.startsWith(href + "/"));

export function Shell({ children }: { children: ComponentChildren }) {
  const path = here.value.pathname;
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    setOpen(false);
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true }); // a screen reader begins at the new page
  }, [path]);
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <header class={open ? "side open" : "side"}>
        <a class="brand" href="/"><img src={`/static/icon.svg?v=${me.mark}`} alt="" width="24" height="24" />Netrender</a>
        <Button kind="plain" icon={open ? "close" : "menu"} label={open ? "Close the menu" : "Menu"} onClick={() => setOpen(!open)} pressed={open} />
        <nav aria-label="Pages">
          {menu.map(([href, text, icon]) => (
            <a key={href} href={href} aria-current={within(href, path) ? "page" : undefined}><Icon name={icon} />{text}</a>
          ))}
        </nav>
        <div class="who">
          {me.open ? <span class="state warn">open to everybody</span> : (
            <>
              <span><Name of={me.name} /> <span class="dim">{me.role}</span></span>
              <form method="post" action="/logout"><button class="plain">Log out</button></form>
            </>
          )}
          <span class="dim small"><Name of={me.farm} /><br />Netrender {me.program}</span>
        </div>
      </header>
      <div class="content">
        <div class="lost" role="status">{!connected.value && <p><Icon name="warn" size={16} /> The master does not answer. What is shown may be old; this page goes on by itself.</p>}</div>
        <main id="main" tabIndex={-1} ref={main}>{children}</main>
      </div>
      <Notes />
      <Asked />
    </>
  );
}
