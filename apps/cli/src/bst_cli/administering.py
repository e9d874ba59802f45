"""Administrative calls to a running API: where it is, who calls, and answers as sentences."""

import getpass
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from attrs import field, frozen

from bst_application.flags import Flag
from bst_cli.data_folder import DataFolder, resolve
from bst_cli.trouble import Trouble

TIMEOUT_S = 15.0
#: Refusal -> the flag that is off.
SWITCHES = {
    "INGEST_REPLAY_DISABLED": Flag.REPLAY.value,
    "INGEST_WEBHOOK_DISABLED": Flag.WEBHOOK.value,
}


@frozen(kw_only=True)
class Admin:
    """An API and the right to administer it. ``actor`` is what the audit trail will say."""

    url: str
    token: str = field(repr=False)
    actor: str

    def call(self, method: str, path: str, payload: Any = None, **query: str) -> Any:
        """The answer's ``data``. Raises Trouble that says what the API said."""
        return self._answer(method, path, payload, query)["data"]

    def answer(self, method: str, path: str, **query: str) -> dict[str, Any]:
        """The whole answer, with ``data`` and ``meta``. Raises Trouble."""
        return self._answer(method, path, None, query)

    def pages(self, path: str, **query: str) -> Iterator[list[dict[str, Any]]]:
        """The ``data`` of a list, page by page to its end. Raises Trouble."""
        while True:
            answer = self._answer("GET", path, None, query)
            yield answer["data"]
            if (cursor := answer["meta"].get("nextCursor")) is None:
                return
            query["cursor"] = cursor

    def _answer(self, method: str, path: str, payload: Any, query: Mapping[str, str]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}", "x-admin-role": "ADMIN", "x-actor": self.actor}
        try:
            answer = httpx.request(
                method,
                f"{self.url}{path}",
                json=payload,
                params=query,
                headers=headers,
                timeout=TIMEOUT_S,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            raise Trouble(
                f"{self.url} does not answer: {error}", "Start it with `bst up` or `bst api`, or give --url."
            ) from error
        try:
            said = answer.json()
        except ValueError:
            raise Trouble(
                f"{self.url} answered {answer.status_code} without JSON", "Is that BST's API? Check --url."
            ) from None
        if answer.is_success:
            return dict(said)
        refused = said["error"]
        if (known_cure := cure_of(refused["message"], answer.headers.get("retry-after"))) is not None:
            raise Trouble(f"refused: {refused['message']}", known_cure)
        problems = [problem["message"] for problem in (refused.get("details") or {}).get("errors", [])]
        known = (refused.get("details") or {}).get("known", [])
        cure = "\n     ".join(problems) or (
            f"Known: {', '.join(known)}" if known else f"requestId {refused['requestId']}"
        )
        raise Trouble(f"refused: {refused['message']}", cure)


def cure_of(refusal: str, retry_after: str | None) -> str | None:
    """What to do about a refusal that is about the installation or the moment, not about what was asked."""
    if refusal in SWITCHES:
        return f'Turn it on with `bst flags set {SWITCHES[refusal]} true --reason "…"`; every process knows within five seconds.'
    if refusal == "RATE_LIMITED":
        when = f"in {retry_after} s" if retry_after else "in a minute"
        return f"Try again {when}. The limits are BST_LIMIT_…_PER_MINUTE of the API."
    return None


def api_url(url: str | None, folder: DataFolder) -> str:
    """The option, CORE_API_BASE_URL, or a running ``bst up``. Raises Trouble."""
    run = folder.live_run()
    where = (url or os.environ.get("CORE_API_BASE_URL", "").strip() or (run or {}).get("url") or "").rstrip("/")
    if not where:
        raise Trouble(
            f"no API to ask: CORE_API_BASE_URL is not set, and no bst up runs on {folder.path}",
            "Start `bst up`, or give --url.",
        )
    return str(where)


def administered(url: str | None, data_dir: Path) -> Admin:
    """The API of the option, CORE_API_BASE_URL, or a running ``bst up``; the token from the environment or its folder."""
    folder = DataFolder(resolve(data_dir))
    run = folder.live_run()
    where = api_url(url, folder)
    token = os.environ.get("CORE_API_ADMIN_TOKEN", "").strip()
    if not token:
        if run is None or where != run["url"]:  # its token is for nobody else
            raise Trouble(
                "CORE_API_ADMIN_TOKEN is not set",
                "Set it, or give the folder of a running `bst up` with --data-dir and no --url.",
            )
        token = folder.secrets(os.environ)["CORE_API_ADMIN_TOKEN"]
    return Admin(url=where, token=token, actor=f"bst {getpass.getuser()}")
