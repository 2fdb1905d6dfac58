// Makes src/api/schema.ts of the description that the program gives of its API.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const dir = mkdtempSync(join(tmpdir(), "netrender-types-"));
try {
  const file = join(dir, "openapi.json");
  execFileSync("go", ["run", "./cmd/netrender", "docs", "--openapi", file], { cwd: join(import.meta.dirname, "../../.."), stdio: "inherit" });
  const ast = await openapiTS(pathToFileURL(file));
  const out = process.argv[2] ?? join(import.meta.dirname, "src/api/schema.ts");
  writeFileSync(out, "// Made by `npm run types` of the API's description. Do not edit.\n\n" + astToString(ast));
} finally {
  rmSync(dir, { recursive: true });
}
