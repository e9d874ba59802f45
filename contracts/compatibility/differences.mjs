// What differs between OpenAPI documents: `node differences.mjs` reads [{name, old, new}, …] as JSON from standard input and writes
// {name: [{verdict, action, path, before, after}, …]}. References are followed where they are used, so that each difference is known to
// be of a request or of an answer; contracts/compatibility.py judges.
import { apiDiff } from "api-smart-diff";
import { readFileSync } from "node:fs";

const found = {};
for (const { name, old, new: later } of JSON.parse(readFileSync(0, "utf8"))) {
  found[name] = apiDiff(old, later, {})
    .filter(({ path }) => path[0] !== "components") // said again, and with its direction, where it is used
    .map(({ type, action, path, before, after }) => ({ verdict: type, action, path, before, after }));
}
process.stdout.write(JSON.stringify(found));
