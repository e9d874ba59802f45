"""The data folder of ``bst up``: who uses it, its secrets, and what a run left behind."""

import base64
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from bst_cli.trouble import Trouble

SECRET_NAMES: Final = ("CORE_API_ADMIN_TOKEN", "INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET", "BST_SECRETS_KEY")
ROOT_HOME: Final = Path("/var/lib/bst")


def resolve(wanted: Path) -> Path:
    """The folder to use. For root one outside its home: the embedded PostgreSQL runs as a user of its own, and opening the
    way to it would open root's home."""
    folder = wanted.expanduser().absolute()
    if os.geteuid() == 0 and folder.is_relative_to(Path.home()):
        return ROOT_HOME / f"{folder.parent.name or 'data'}-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    return folder


class DataFolder:
    """Everything of one installation under one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.postgres = path / "postgres"
        self.redis = path / "redis"
        self._lock = path / "lock"
        self._run = path / "run.json"
        self._secrets = path / "secrets.json"

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Holds the folder until the context ends, or the process does. Raises Trouble when another run holds it."""
        try:
            for folder in (self.path, self.logs, self.redis):
                folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise Trouble(
                f"the data folder {self.path} cannot be used: {error.strerror}", "Give another one with --data-dir."
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                run = self.last_run()
                where = f" (pid {run['pid']}, {run['url']})" if run else ""
                raise Trouble(
                    f"bst up already runs on {self.path}{where}",
                    "Use that one, stop it with Ctrl-C or SIGTERM, or give another folder with --data-dir.",
                ) from None
            yield
        finally:
            os.close(descriptor)

    def last_run(self) -> dict[str, Any] | None:
        """What the present or the last run wrote of itself: pid, url, and its children's pids with their start times."""
        try:
            run: dict[str, Any] = json.loads(self._run.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return run

    def live_run(self) -> dict[str, Any] | None:
        """The record of a run whose process is still there."""
        run = self.last_run()
        return run if run and psutil.pid_exists(run["pid"]) else None

    def write_run(self, *, url: str, children: Mapping[str, tuple[int, float]]) -> None:
        """Replaces the record of the run in one step."""
        run = {"pid": os.getpid(), "url": url, "children": {name: list(entry) for name, entry in children.items()}}
        draft = self._run.with_suffix(".draft")
        draft.write_text(json.dumps(run), "utf-8")
        draft.replace(self._run)

    def forget_run(self) -> None:
        """After a clean stop there is nothing to find."""
        self._run.unlink(missing_ok=True)

    def secrets(self, environ: Mapping[str, str]) -> dict[str, str]:
        """From the environment where set there; else made once and kept, readable by the owner alone."""
        kept = self._kept_secrets()
        made = {name: kept.get(name) or _random(name) for name in SECRET_NAMES}
        if made != kept:
            draft = self._secrets.with_suffix(".draft")
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(made, file, indent=2)
            draft.replace(self._secrets)
        return {name: environ.get(name, "").strip() or made[name] for name in SECRET_NAMES}

    def _kept_secrets(self) -> dict[str, str]:
        try:
            kept: dict[str, str] = json.loads(self._secrets.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise Trouble(
                f"{self._secrets} cannot be read: {error}", "Remove it to have new tokens made, or mend it."
            ) from error
        return kept


def _random(name: str) -> str:
    """A key that encrypts is 32 bytes in URL-safe base64; the others are any text."""
    if name == "BST_SECRETS_KEY":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(24)
