// The API's own page: shows the document of the server that serves it, sends to that server, and signs what has to be signed.
"use strict";

const SIGNING = ["x-signature", "x-signature-algorithm", "x-timestamp", "x-nonce"];
const here = new URL(".", location.href); // the page is PREFIX/docs: the API's own root, whatever stands in front of it
const signed = []; // method and pattern of each operation that wants a signature
const encoder = new TextEncoder();

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

// The same document, for this server, without the headers that this page fills in.
function prepared(description) {
  description.servers = [{ url: here.href.replace(/\/$/, "") }];
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const parameters = operation.parameters ?? [];
      if (!parameters.some(({ name }) => name === "x-signature")) continue;
      const pattern = path.split(/\{\w+\}/).map(escaped).join("[^/]+");
      signed.push({ method: method.toUpperCase(), path: new RegExp(`^${escaped(here.pathname)}${pattern.slice(1)}$`) });
      operation.parameters = parameters
        .filter(({ name }) => !SIGNING.includes(name))
        .map((one) => (one.name === "x-idempotency-key" ? { ...one, example: `try-${crypto.getRandomValues(new Uint32Array(1))[0]}` } : one));
      operation.description += "\n\n**On this page** the signature, its time and its nonce are made when you press Execute; give the secret above.";
    }
  }
  return description;
}

// contracts/signing.md: six lines, HMAC-SHA256.
async function sign(request, secret) {
  const path = new URL(request.url, location.href).pathname;
  if (!signed.some((one) => one.method === request.method.toUpperCase() && one.path.test(path))) return request;
  if (!secret || !globalThis.crypto?.subtle) {
    say("The last request went out unsigned: there is no secret here" + (secret ? " that this browser can sign with." : "."));
    return request;
  }
  if (request.body !== undefined && typeof request.body !== "string") request.body = JSON.stringify(request.body);
  const lower = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const timestamp = new Date().toISOString();
  const nonce = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16).padStart(8, "0")).join("");
  const hash = hex(await crypto.subtle.digest("SHA-256", encoder.encode(request.body ?? "")));
  const canonical = [request.method.toUpperCase(), path, timestamp, nonce, lower["x-idempotency-key"] ?? "", hash].join("\n");
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = hex(await crypto.subtle.sign("HMAC", key, encoder.encode(canonical)));
  Object.assign(request.headers, {
    "x-signature-algorithm": "HMAC-SHA256", "x-timestamp": timestamp, "x-nonce": nonce, "x-signature": signature,
  });
  say(`The last request was signed at ${timestamp}.`, "");
  return request;
}

function say(text, className = "trouble") {
  Object.assign(document.getElementById("said"), { textContent: text, className });
}

async function show() {
  document.getElementById("signing").addEventListener("submit", (event) => event.preventDefault());
  if (!globalThis.crypto?.subtle) say("This browser signs on https:// and on localhost only; here signed requests cannot be tried.");
  const answer = await fetch(new URL("docs-json", here));
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  globalThis.ui = SwaggerUIBundle({
    spec: prepared(await answer.json()),
    dom_id: "#api",
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
    validatorUrl: null, // nothing is sent anywhere else
    requestInterceptor: (request) => sign(request, document.getElementById("secret").value),
  });
}

show().catch((error) => say(`The document could not be shown: ${error.message}`));
