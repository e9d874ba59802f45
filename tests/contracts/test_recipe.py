"""The signing recipes of the contracts' README work: Python always, TypeScript where Node is there."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bst_domain.ingest import Refusal, SignedRequest, verify

README = (Path(__file__).parents[2] / "contracts" / "README.md").read_text("utf-8")
BODY = '{"name":"Brandstätter"}'


def recipe(language: str) -> str:
    [code] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(code)


def accepted(headers: dict[str, str]) -> bool:
    request = SignedRequest(
        method="POST",
        path="/v1/ingest/bookings/events",
        timestamp=headers["x-timestamp"],
        nonce=headers["x-nonce"],
        idempotency_key=headers["x-idempotency-key"],
        body=BODY.encode(),
        algorithm=headers["x-signature-algorithm"],
        signature=headers["x-signature"],
    )
    return not isinstance(verify(request, secrets=["kunci-é✓"], now=datetime.now(UTC)), Refusal)


def test_the_python_recipe_signs_what_we_accept() -> None:
    names: dict[str, object] = {}
    exec(compile(recipe("python"), "contracts/README.md", "exec"), names)
    sign = names["signed_headers"]
    assert callable(sign)
    assert accepted(sign("token", "kunci-é✓", "/v1/ingest/bookings/events", "key-1", BODY.encode()))


def test_the_typescript_recipe_signs_what_we_accept(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node on this machine")
    plain = recipe("ts").replace("export function", "function")
    plain = re.sub(r"\((token: string.*?)\): Record<string, string>", "(token, secret, path, key, body)", plain)
    call = json.dumps(["token", "kunci-é✓", "/v1/ingest/bookings/events", "key-1", BODY])
    script = tmp_path / "sign.mjs"
    script.write_text(f"{plain}\nconsole.log(JSON.stringify(signedHeaders(...{call})));\n", "utf-8")
    done = subprocess.run([node, str(script)], capture_output=True, text=True, check=True)
    assert accepted(json.loads(done.stdout))
