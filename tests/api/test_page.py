"""The page at /docs: whole, of this server alone, and exactly what its README says it is."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn
from litestar import Litestar
from litestar.testing import AsyncTestClient

from bst_application.settings import settings_from
from bst_contracts import openapi
from bst_core_api.wiring import build
from bst_domain.ingest import SignedRequest, Verified, verify
from bst_litestar.guard import PAGE_HEADERS, SECURITY_HEADERS
from bst_litestar.routes.documents import ASSETS, document_routes
from tests.api.harness import PATH, Api

FOLDER = Path(str(files("bst_litestar"))) / "page"
TYPES = {"js": "text/javascript", "css": "text/css", "LICENSE": "text/plain"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The routes alone: the page needs nothing else."""
    async with AsyncTestClient(app=Litestar(route_handlers=document_routes(), openapi_config=None)) as client:
        yield client


async def test_the_page_is_there_with_all_that_it_asks_for(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    asked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"docs-json", *(f"docs/{name}" for name in ASSETS if name != "LICENSE")} == {*asked} - {"data:,"}
    for name in asked:
        if name != "data:,":
            answer = await http.get(f"/{name}")
            assert answer.status_code == 200, name
            assert answer.content
    for name in ASSETS:
        answer = await http.get(f"/docs/{name}")
        assert answer.headers["content-type"] == f"{TYPES[name.rpartition('.')[2]]}; charset=utf-8"


async def test_nothing_on_it_is_of_another_server(http: httpx.AsyncClient) -> None:
    """Our own part names no other address, and no script or style stands in the page itself: its policy would stop both."""
    own = [(FOLDER / name).read_text("utf-8") for name in ("index.html", "page.js", "page.css")]
    assert [found for text in own for found in re.findall(r"https?://\w[^\s\"']*", text)] == []
    assert not re.search(r"<script>|<style|\son\w+=|style=", own[0])


async def test_a_slash_too_many_leads_back(api: Api) -> None:
    """Else the page's relative links would lead nowhere."""
    answer = await api.http.get("/docs/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "../docs")


async def test_the_page_may_run_its_own_scripts_and_nothing_else_may(api: Api) -> None:
    policy = dict(PAGE_HEADERS)[b"content-security-policy"].decode()
    for place in ("/docs", "/docs/page.js", "/docs/nothing"):
        answer = await api.http.get(place)
        assert answer.headers.get_list("content-security-policy") == [policy]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in policy
    everywhere = dict(SECURITY_HEADERS)[b"content-security-policy"].decode()
    for place in ("/docs-json", "/docsy", "/health"):
        assert (await api.http.get(place)).headers.get_list("content-security-policy") == [everywhere]
    missing = await api.http.get("/docs/nothing")
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "Cannot GET /docs/nothing")


def test_swagger_ui_is_the_one_that_was_looked_at() -> None:
    """What lies here is what was published, file by file; whoever renews it says so."""
    page = (FOLDER / "README.md").read_text("utf-8")
    said = dict(re.findall(r"^\| `([\w.-]+)` \| `([0-9a-f]{64})` \|$", page, re.MULTILINE))
    assert said == {path.name: sha256(path.read_bytes()).hexdigest() for path in (FOLDER / "swagger-ui").iterdir()}


#: The browser's part, as far as page.js asks for it; then one request through the page's own hands.
BROWSER = """
const said = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
globalThis.location = new URL(said.page);
const secret = { value: said.secret, addEventListener() {} }, note = {};
globalThis.document = { getElementById: (id) => (id === "said" ? note : secret) };
globalThis.fetch = async (url) => ({ ok: true, json: async () => ({ ...said.document, asked: String(url) }) });
let given;
globalThis.SwaggerUIBundle = (options) => { given = options; };
globalThis.SwaggerUIBundle.presets = { apis: [] };
require("node:vm").runInThisContext(require("node:fs").readFileSync(said.script, "utf8"));
setTimeout(async () => {
  const request = await given.requestInterceptor({ url: said.url, method: "POST", headers: said.headers, body: said.body });
  console.log(JSON.stringify({ request, spec: given.spec, note: note.textContent ?? null }));
}, 0);
"""


def in_the_page(tmp_path: Path, **said: Any) -> Any:
    """What the page makes of a request before it sends it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node on this machine")
    script = tmp_path / "browser.cjs"
    script.write_text(BROWSER, "utf-8")
    everything = json.dumps({"document": openapi(), "script": str(FOLDER / "page.js"), **said})
    done = subprocess.run([node, str(script)], input=everything, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("prefix", ["", "/bst"])
def test_the_page_signs_what_has_to_be_signed(prefix: str, tmp_path: Path) -> None:
    made = in_the_page(
        tmp_path,
        page=f"https://core.example.org{prefix}/docs#/ingest",
        url=f"https://core.example.org{prefix}{PATH}?a=b",
        secret="kunci-é✓",
        headers={"X-Idempotency-Key": "key-1"},
        body='{"name":"Brandstätter"}',
    )
    headers = {name.lower(): value for name, value in made["request"]["headers"].items()}
    request = SignedRequest(
        method="POST",
        path=prefix + PATH,
        timestamp=headers["x-timestamp"],
        nonce=headers["x-nonce"],
        idempotency_key="key-1",
        body=made["request"]["body"].encode(),
        algorithm=headers["x-signature-algorithm"],
        signature=headers["x-signature"],
    )
    assert isinstance(verify(request, secrets=["kunci-é✓"], now=datetime.now(UTC)), Verified)
    assert made["note"] == f"The last request was signed at {headers['x-timestamp']}."
    # The page asks its own server for the document, sends there, and asks nobody for what it makes itself.
    assert made["spec"]["asked"] == f"https://core.example.org{prefix}/docs-json"
    assert made["spec"]["servers"] == [{"url": f"https://core.example.org{prefix}"}]
    assert [one["name"] for one in made["spec"]["paths"][PATH]["post"]["parameters"]] == ["x-idempotency-key"]


@pytest.mark.parametrize(("url", "secret"), [("/v1/flags/X", "a-secret"), (PATH, ""), (f"{PATH}/x/fail", "a-secret")])
def test_the_page_signs_nothing_else(url: str, secret: str, tmp_path: Path) -> None:
    page = "https://core.example.org/docs"
    sent = {"headers": {"x-idempotency-key": "key-1"}, "body": "{}"}
    made = in_the_page(tmp_path, page=page, url=f"https://core.example.org{url}", secret=secret, **sent)
    assert made["request"]["headers"] == sent["headers"]
    assert (made["note"] is None) == bool(secret)  # a request that goes unsigned for want of a secret is explained


@pytest.mark.slow
def test_a_browser_shows_every_operation(tmp_path: Path) -> None:
    """The real page in a real browser, under its own policy: what that stops would be missing here."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("there is no Chromium on this machine")
    settings = settings_from({"OPS_DB_URL": "postgresql://nobody@127.0.0.1:1/none"})
    config = uvicorn.Config(build(settings), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            quiet = [
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ]
            looking = [
                f"--user-data-dir={tmp_path}",
                "--virtual-time-budget=20000",
                "--enable-logging=stderr",
                "--dump-dom",
            ]
            address = f"http://127.0.0.1:{listening.getsockname()[1]}/docs"
            shown = subprocess.run(
                [browser, "--headless", "--no-sandbox", "--disable-gpu", *quiet, *looking, address],
                capture_output=True,
                text=True,
                check=True,
                timeout=90,
            )
        finally:
            server.should_exit = True
            thread.join()
    operations = [operation for methods in openapi()["paths"].values() for operation in methods.values()]
    assert set(re.findall(r'id="operations-(?!tag-)\w+-(\w+)"', shown.stdout)) == {
        one["operationId"] for one in operations
    }
    assert "Content Security Policy" not in shown.stderr
    assert "Uncaught" not in shown.stderr
