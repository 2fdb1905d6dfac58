// The pages of a master. Each is a file in pages/, loaded when it is first looked at.
import "./style/main.css";
import { type ComponentType, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { me, submits } from "./me";
import { Together } from "./api/together";
import { Home } from "./pages/home";
import { Empty, Head } from "./parts/basics";
import { here, match, start } from "./route";
import { Shell } from "./shell";

export type Page = ComponentType<Record<string, string>>;

const pages: [pattern: string, title: string, load: () => Promise<Page> | Page][] = [
  ["/", "Home", () => Home as Page],
  ["/workers", "Workers", () => import("./pages/workers").then((m) => m.Workers as Page)],
  ["/workers/:id", "Worker", () => import("./pages/worker").then((m) => m.WorkerPage as Page)],
  ["/add-worker", "Add a worker", () => import("./pages/add-worker").then((m) => m.AddWorker as Page)],
  ["/submit", "Submit a job", () => import("./pages/submit").then((m) => m.Submit as Page)],
  ["/jobs", "Jobs", () => import("./pages/jobs").then((m) => m.Jobs as Page)],
  ["/jobs/:id/:tab?/:frame?", "Job", async () => (await import("./pages/job")).JobPage as Page],
  ["/balancing", "Balancing", () => import("./pages/balancing").then((m) => m.Balancing as Page)],
  ["/statistics", "Statistics", () => import("./pages/statistics").then((m) => m.Statistics as Page)],
  ["/settings/:tab?", "Settings", () => import("./pages/settings").then((m) => m.Settings as Page)],
];

const loaded = new Map<string, Page>();

function find(path: string) {
  for (const page of pages) {
    const params = match(page[0], path);
    if (params) return [page, params] as const;
  }
  return undefined;
}

// anew loads the page anew when its file does not come: the master was updated, and its files have other names. While the
// master is away it waits.
async function anew(pattern: string) {
  while (find(here.value.pathname)?.[0][0] === pattern) {
    const answers = await fetch(location.href, { method: "HEAD", cache: "no-store" }).then((a) => a.ok, () => false);
    if (answers) return location.reload();
    await new Promise((later) => setTimeout(later, 2000));
  }
}

function Shown() {
  const path = here.value.pathname;
  const [, redraw] = useState(0);
  const [found, params] = find(path) ?? [];
  const pattern = found?.[0] ?? "";
  useEffect(() => {
    document.title = `${found?.[1] ?? "No such page"} - ${me.farm} - Netrender`;
    if (!found || loaded.has(pattern)) return;
    void Promise.resolve(found[2]()).then((page) => {
      loaded.set(pattern, page);
      redraw((n) => n + 1);
    }, () => void anew(pattern));
  }, [pattern]);
  if (!found) return <><Head title="There is no such page" /><Empty>The menu has all there are.</Empty></>;
  const Page = loaded.get(pattern) ?? (pattern === "/" ? (Home as Page) : undefined);
  return Page ? <Together key={params?.id ?? path}><Page {...params} /></Together> : null;
}

start((path) => find(path) !== undefined);
void find(here.value.pathname)?.[0][2](); // its file comes while the shell is made
if (submits) void import("./dropped"); // files may be dropped on some pages
render(<Shell><Shown /></Shell>, document.getElementById("app")!);
