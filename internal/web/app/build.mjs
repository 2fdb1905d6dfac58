// Bundles src/ into ../static/app. The names of what comes out carry a sum of their content, so browsers keep them for
// good; app.json says which file a page begins with. Needs `npm ci`. With --watch it goes on.
import * as esbuild from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const here = import.meta.dirname;
const to = process.argv.find((a) => a.startsWith("--to="))?.slice(5) ?? join(here, "../static/app");

// sources is a sum over what the bundle is made of; a test holds it against the files, without Node.
export function sources() {
  const sum = createHash("sha256");
  const walk = (dir) => {
    const entries = readdirSync(join(here, dir), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const e of entries) {
      const name = `${dir}/${e.name}`;
      if (e.isDirectory()) walk(name);
      else add(name);
    }
  };
  const add = (name) => sum.update(`${name}\n`).update(readFileSync(join(here, name)));
  for (const name of ["build.mjs", "package-lock.json", "package.json", "tsconfig.json"]) add(name);
  walk("src");
  return sum.digest("hex");
}

const finish = {
  name: "finish",
  setup(build) {
    build.onEnd((result) => {
      if (result.errors.length > 0) return;
      rmSync(to, { recursive: true, force: true });
      mkdirSync(to, { recursive: true });
      for (const f of result.outputFiles) writeFileSync(join(to, basename(f.path)), f.contents);
      const outputs = Object.entries(result.metafile.outputs);
      const entry = outputs.find(([, o]) => o.entryPoint === "src/main.tsx");
      const first = entry[1].imports.filter((i) => i.kind === "import-statement").map((i) => basename(i.path)).sort();
      const about = { script: basename(entry[0]), style: basename(entry[1].cssBundle), preload: first, sources: sources() };
      writeFileSync(join(to, "app.json"), JSON.stringify(about, null, 2) + "\n");
    });
  },
};

// A page beside the page: "worker:./x" is the address of x.ts, bundled by itself.
const workers = {
  name: "workers",
  setup(build) {
    build.onResolve({ filter: /^worker:/ }, (a) => ({ path: join(a.resolveDir, a.path.slice("worker:".length)).replaceAll("\\", "/") + ".js", namespace: "worker" }));
    build.onLoad({ filter: /./, namespace: "worker" }, async (a) => {
      const made = await esbuild.build({ ...base, entryPoints: [a.path.replace(/\.js$/, ".ts")], format: "iife", outdir: to, logLevel: "silent" });
      return { contents: made.outputFiles[0].contents, loader: "file", watchFiles: [a.path.replace(/\.js$/, ".ts")] };
    });
  },
};

const base = {
  absWorkingDir: here, bundle: true, minify: true, charset: "utf8", legalComments: "none", target: ["chrome111", "firefox113", "safari16.4"], write: false,
};

const options = {
  ...base,
  entryPoints: ["src/main.tsx"],
  splitting: true, format: "esm",
  jsx: "automatic", jsxImportSource: "preact",
  entryNames: "[name]-[hash]", chunkNames: "[name]-[hash]", assetNames: "[name]-[hash]",
  loader: { ".sheet.css": "text" }, // styles that come with a page, not with all
  outdir: to, metafile: true, logLevel: "info",
  plugins: [workers, finish],
};

if (process.argv.includes("--watch")) await (await esbuild.context(options)).watch();
else await esbuild.build(options);
