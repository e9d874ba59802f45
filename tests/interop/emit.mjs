// The TypeScript recipe of docs/emitting.md, compiled: `node emit.mjs MODULE`, with what to do as JSON on standard input.
// Answers with one line of JSON; tests/interop/recipe.py asks and judges.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const recipe = await import(pathToFileURL(process.argv[2]).href);
const { vectors, target, away, event, key } = JSON.parse(readFileSync(0, "utf8"));

const signatures = Object.fromEntries(vectors.map(({ name, secrets, request: { method, path, timestamp, nonce, idempotencyKey, body } }) => {
  const canonical = recipe.canonicalString(method, path, timestamp, nonce, idempotencyKey, body);
  return [name, { canonical, signatures: secrets.map((secret) => recipe.sign(secret, canonical)) }];
}));
const stored = JSON.stringify(recipe.prepareEvent(event, key)); // an outbox between
const first = await recipe.send(target, JSON.parse(stored));
const again = await recipe.send(target, JSON.parse(stored));
const reused = await recipe.send(target, recipe.prepareEvent({ ...event, externalBookingRef: "WEB-2" }, key));
const nobody = await recipe.send({ ...target, url: away }, JSON.parse(stored), [1, 1]);
const forged = await recipe.send({ ...target, secret: "guessed" }, JSON.parse(stored));
console.log(JSON.stringify({ signatures, first, again, reused, nobody, forged }));
