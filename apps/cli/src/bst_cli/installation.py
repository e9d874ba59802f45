"""Which installation a command works on: that of the environment, else a running ``bst up``."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from attrs import field, frozen

from bst_application.settings import BadSettings, Settings, settings_from
from bst_cli.data_folder import DataFolder, resolve
from bst_cli.trouble import Trouble


@frozen(kw_only=True)
class Installation:
    """``environ`` is what its processes were given; ``url`` is where the API of a running ``bst up`` listens."""

    name: str
    environ: Mapping[str, str] = field(repr=False)
    url: str | None = None

    def settings(self) -> Settings:
        """Raises Trouble that lists everything wrong."""
        try:
            return settings_from(self.environ)
        except BadSettings as error:
            raise Trouble("the settings cannot be used", "\n     ".join(error.problems)) from error


def chosen(data_dir: Path) -> Installation:
    """OPS_DB_URL wins; without it a ``bst up`` that runs on the folder; without both the environment as it is. Raises Trouble."""
    run = None if _names_a_database(os.environ) else DataFolder(resolve(data_dir)).live_run()
    if run is None:
        return Installation(name="the environment", environ=os.environ)
    path = resolve(data_dir)
    return Installation(name=f"the bst up of {path} ({run['url']})", environ=_given(run, path), url=run["url"])


def chosen_with_database(data_dir: Path) -> Installation:
    """As ``chosen``. Raises Trouble when it names no database."""
    found = chosen(data_dir)
    if not _names_a_database(found.environ):
        raise Trouble(
            f"no database to work on: OPS_DB_URL is not set, and no bst up runs on {resolve(data_dir)}",
            "Set OPS_DB_URL and BST_SECRETS_KEY as the API has them, or start `bst up`.",
        )
    return found


def _names_a_database(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name, "").strip() for name in ("OPS_DB_URL", "DATABASE_URL"))


def _given(run: Mapping[str, Any], path: Path) -> dict[str, str]:
    """The environment of its API or worker, so that nobody has to guess with which settings they were started."""
    for name in ("api", "worker"):
        pid, started = run["children"].get(name, (0, 0.0))
        try:
            process = psutil.Process(pid)
            if abs(process.create_time() - started) <= 1 and _names_a_database(environ := process.environ()):
                return environ
        except psutil.AccessDenied as error:
            raise Trouble(
                f"the settings of the bst up of {path} cannot be read: it runs as another user",
                "Run this as the user of `bst up`, or set OPS_DB_URL.",
            ) from error
        except psutil.Error:
            continue  # it has just ended; `bst up` starts it again
    raise Trouble(
        f"neither API nor worker of the bst up of {path} runs",
        f"If it has just begun, try again; else see {path / 'logs'}.",
    )
