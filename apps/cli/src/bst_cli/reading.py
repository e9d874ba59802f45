"""What the commands ask of a running API."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from bst_cli.trouble import Trouble
from bst_cli.wording import counted

#: Members of an expected booking that the API shows under contact.
CONTACT = ("mainName", "mainEmail", "phone", "pickupLocation")


class Api:
    """A client for an admin."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}", "x-admin-role": "ADMIN"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The whole envelope. Raises Trouble for anything but 200."""
        try:
            answer = self._client.get(path, params=query)
        except httpx.HTTPError as error:
            raise Trouble(f"{self._client.base_url}{path} does not answer: {type(error).__name__}") from error
        if answer.status_code != httpx.codes.OK:
            raise Trouble(f"GET {path} answered {answer.status_code}: {answer.text[:200]}")
        envelope: dict[str, Any] = answer.json()
        return envelope

    def bookings(self) -> Iterator[dict[str, Any]]:
        """All of them, page by page."""
        query: dict[str, str] = {}
        while True:
            page = self.get("/v1/ops/bookings", **query)
            yield from page["data"]
            if page["meta"]["nextCursor"] is None:
                return
            query = {"cursor": page["meta"]["nextCursor"]}

    def processing(self) -> dict[str, Any]:
        """Figures of the last day."""
        figures: dict[str, Any] = self.get("/v1/ingest/metrics/processing", windowMinutes="1440")["data"]
        return figures

    def wait_until_processed(self, *, within_s: float, progress: Callable[[int, int], None]) -> None:
        """Until no event waits; ``progress`` gets (settled, received). Raises Trouble when it takes longer."""
        deadline = time.monotonic() + within_s
        while True:
            totals = self.processing()["totals"]
            progress(totals["terminal"], totals["received"])
            if totals["pending"] == 0 and totals["processing"] == 0:
                return
            if time.monotonic() > deadline:
                raise Trouble(
                    f"still waiting after {within_s:.0f} seconds: {counted(totals['pending'], 'event')}",
                    "Look at the worker's log.",
                )
            time.sleep(0.1)


def differences(expected: dict[str, Any], booking: dict[str, Any] | None) -> dict[str, tuple[Any, Any]]:
    """Member -> (what must be, what is), for the members that the expectation names."""
    if booking is None:
        return {"booking": ("there", "missing")}
    shown = {**booking, **{name: booking["contact"][name] for name in CONTACT}}
    return {name: (value, shown.get(name)) for name, value in expected.items() if shown.get(name) != value}
