"""The emitter alone: a throw-away project that has nothing but the built wheel and what it asks for sends an event."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "packages" / "bst_emitter"
SCRIPT = """
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import distributions
from threading import Thread

from bst_emitter import Accepted, Emitter, Target, prepare_event


class Core(BaseHTTPRequestHandler):
    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = json.dumps({"data": event, "meta": {}}).encode()
        self.send_response(202)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


with HTTPServer(("127.0.0.1", 0), Core) as core:
    Thread(target=core.serve_forever, daemon=True).start()
    with Emitter(Target(url=f"http://127.0.0.1:{core.server_port}", token="t", secret="s")) as emitter:
        result = emitter.send(prepare_event({"name": "é"}, key="key-1"))
    core.shutdown()
assert isinstance(result, Accepted) and result.data == {"name": "é"}, result
print(sorted({found.name for found in distributions()} & {"bst-domain", "bst-emitter", "litestar", "sqlalchemy"}))
"""


@pytest.mark.slow
def test_a_project_with_the_wheel_alone_sends_an_event(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    assert uv is not None, "uv runs the tests, so it is there"
    built = tmp_path / "wheel"
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", str(built), str(PACKAGE)], check=True)
    [wheel] = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "bst_emitter/py.typed" in names
    assert all(name.startswith(("bst_emitter/", "bst_emitter-")) for name in names)
    script = tmp_path / "project" / "send.py"
    script.parent.mkdir()
    script.write_text(SCRIPT, "utf-8")
    command = [uv, "run", "--quiet", "--no-project", "--isolated", "--python", sys.executable, "--with", str(wheel)]
    done = subprocess.run(
        [*command, "python", str(script)], cwd=script.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['bst-emitter']"
