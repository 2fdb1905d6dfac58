// Which page is shown: the browser's address, and links that change it without loading anything anew.
import { signal } from "@preact/signals";

// here is where one is. It may run ahead of location: browsers leave out changes of the address that come too fast.
export const here = signal(new URL(location.href));

// go leads to an address of ours. What the page before it held in view is forgotten, unless it is replaced.
export function go(to: string, replace = false) {
  const url = new URL(to, here.value);
  if (url.href === here.value.href) return;
  if (replace) history.replaceState(null, "", url);
  else {
    history.pushState(null, "", url);
    scrollTo(0, 0);
  }
  here.value = url;
}

// hrefWith is this page's address with other parts in its query; empty ones are taken out.
export function hrefWith(changes: Record<string, string | undefined>): string {
  const url = new URL(here.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  return url.pathname + url.search;
}

// ask changes parts of the query of this page. Going back does not visit each.
export const ask = (changes: Record<string, string | undefined>) => go(hrefWith(changes), true);

export const asked = (name: string) => here.value.searchParams.get(name) ?? "";

// start has links to addresses that ours knows change the page; all others are the server's.
export function start(ours: (path: string) => boolean) {
  addEventListener("popstate", () => (here.value = new URL(location.href)));
  document.addEventListener("click", (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const a = (e.target as Element).closest?.("a");
    if (!a || a.target || a.hasAttribute("download") || a.origin !== location.origin || !ours(a.pathname)) return;
    if (a.hash && a.pathname === location.pathname && a.search === location.search) return;
    e.preventDefault();
    go(a.href);
  });
}

// match holds a path against a pattern such as /jobs/:id or /jobs/:id/:tab?, whose last may be left out.
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.replace(/\/$/, "").split("/");
  const have = path.replace(/\/$/, "").split("/");
  if (have.length > want.length) return undefined;
  const found: Record<string, string> = {};
  for (let i = 0; i < want.length; i++) {
    const w = want[i]!;
    if (i >= have.length) {
      if (!w.endsWith("?")) return undefined;
    } else if (w.startsWith(":")) found[w.slice(1).replace("?", "")] = decodeURIComponent(have[i]!);
    else if (w !== have[i]) return undefined;
  }
  return found;
}
