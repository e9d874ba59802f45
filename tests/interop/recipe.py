"""The TypeScript recipe of docs/emitting.md: compiled strictly, held to the signing vectors, and used against a real API."""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bst_contracts import signing_vectors
from bst_testing.deliveries import body
from tests.api.harness import SECRET, TOKEN
from tests.servers import free_port

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "emitting.md"
TSC = HERE / "node_modules" / "typescript" / "bin" / "tsc"
STRICT = ("--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext", "--types", "node")


def run(*command: str, said: str = "") -> str:
    done = subprocess.run(command, input=said, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def recipe_signs_and_sends(url: str) -> None:
    """``url`` is of an API that takes signed events."""
    [code] = re.findall(r"```ts\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    vectors = [vector for vector in signing_vectors() if vector["verdict"] == "accept"]
    asked = {
        "vectors": vectors,
        "target": {"url": f"{url}/", "token": TOKEN, "secret": SECRET},
        "away": f"http://127.0.0.1:{free_port()}",
        "event": body(customer={"name": "José Núñez"}),
        "key": "direct-created-1",
    }
    with tempfile.TemporaryDirectory(dir=HERE / "node_modules") as folder:  # where the types of Node are found
        source = Path(folder) / "emitter.mts"
        source.write_text(code, "utf-8")
        run("node", str(TSC), *STRICT, "--outDir", folder, str(source))
        seen: dict[str, Any] = json.loads(run("node", "emit.mjs", f"{folder}/emitter.mjs", said=json.dumps(asked)))
    for vector in vectors:
        made = seen["signatures"][vector["name"]]
        assert made["canonical"] == vector["canonicalString"], vector["name"]
        assert vector["signature"].lower() in made["signatures"], vector["name"]
    first, again = seen["first"], seen["again"]
    assert (first["kind"], first["data"]["idempotentReplay"]) == ("accepted", False), first
    assert (again["kind"], again["data"]["idempotentReplay"]) == ("accepted", True), again
    assert again["data"]["eventId"] == first["data"]["eventId"]
    refused = [
        (seen[name]["kind"], seen[name].get("status"), seen[name].get("message")) for name in ("reused", "forged")
    ]
    assert refused == [("refused", 409, "IDEMPOTENCY_KEY_REUSED"), ("refused", 401, "SIGNATURE_MISMATCH")]
    assert seen["nobody"]["kind"] == "undelivered", seen["nobody"]
    print(f"recipe      {len(vectors)} vectors signed; accepted, repeated, refused and undelivered as it says")
