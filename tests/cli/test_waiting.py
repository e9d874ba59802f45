"""Commands that wait say why, and whose times they tell."""

import asyncio
import json
from typing import Any

import pytest

from bst_cli.administering import Admin, cure_of
from bst_cli.audit import why
from bst_cli.events import lost
from bst_cli.replaying import watch, why_stalled
from bst_cli.sending import Line, Outcome, send_all
from bst_cli.wording import counted
from bst_emitter import Target
from tests.servers import free_port

LINES = [Line(number=1, key="k", body=b"{}")]


async def test_sending_says_what_it_waits_for_and_why_it_gave_up() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        said = json.dumps({"error": {"message": "INGEST_WEBHOOK_DISABLED"}}).encode()
        writer.write(b"HTTP/1.1 503 x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(said), said))
        await writer.drain()
        writer.close()

    async def tried(port: int) -> tuple[list[str], Outcome]:
        told: list[str] = []
        to = Target(url=f"http://127.0.0.1:{port}", token="t", secret="s")
        how: dict[str, Any] = {"concurrency": 1, "rate": None, "progress": lambda: None, "give_up_after_s": 0.25}
        return told, await send_all(LINES, to, waiting=told.append, **how)

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        told, outcome = await tried(server.sockets[0].getsockname()[1])
    assert told == ["503 INGEST_WEBHOOK_DISABLED"]
    what, cure = lost(outcome)
    assert what == "1 delivery was given up (e.g. line 1); the last reason: 503 INGEST_WEBHOOK_DISABLED"
    assert "bst flags set INGEST_WEBHOOK_ENABLED true" in str(cure)
    assert "as this client saw it" in str(outcome.answer_times)

    told, outcome = await tried(free_port())
    assert told == ["connection refused"]
    assert lost(outcome) == ("1 delivery was given up (e.g. line 1); the last reason: connection refused", None)
    assert outcome.answer_times is None


class Told(Admin):
    """An API whose answers the test has written down."""

    answers: dict[str, list[Any]]

    def _answer(self, method: str, path: str, payload: Any, query: Any) -> dict[str, Any]:
        given = self.answers[path]
        return {"data": given.pop(0) if len(given) > 1 else given[0], "meta": {}}


def told(**answers: Any) -> Admin:
    made = Told(url="", token="", actor="")
    object.__setattr__(made, "answers", {path.replace("__", "/"): said for path, said in answers.items()})
    return made


def flag(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def queue(*, connected: bool) -> dict[str, Any]:
    return {"queue": {"connected": connected, "waiting": 3, "active": 0, "delayed": 0}}


@pytest.mark.parametrize(
    ("off", "connected", "said"),
    [
        ("INGEST_QUEUE_ENABLED", True, "bst flags set INGEST_QUEUE_ENABLED true"),
        ("INGEST_REPLAY_ENABLED", True, "bst flags set INGEST_REPLAY_ENABLED true"),
        ("OPS_READ_CORE_ENABLED", True, "3 waiting, 0 active, 0 delayed. Does a worker run?"),
        ("OPS_READ_CORE_ENABLED", False, "the queue does not answer"),
    ],
)
def test_a_replay_that_does_not_move_gets_a_hint(off: str, connected: bool, said: str) -> None:
    admin = told(__v1__flags=[[flag(off, "false")]], __v1__ingest__metrics__queue=[queue(connected=connected)])
    assert said in why_stalled(admin)


def test_the_hint_comes_once_for_a_stall() -> None:
    def job(pending: int, state: str) -> dict[str, Any]:
        return {"jobId": "j", "state": state, "pending": pending, "deadLetters": {"REPLAYING": 0}}

    admin = told(
        __v1__flags=[[flag("INGEST_QUEUE_ENABLED", "false")]],
        __v1__jobs__j=[job(1, "RUNNING"), job(1, "RUNNING"), job(0, "DONE")],
    )
    hints: list[str] = []
    done = watch(admin, job(1, "RUNNING"), lambda _: None, stalled=hints.append, stalled_after_s=0)
    assert (done["state"], len(hints)) == ("DONE", 1)


def test_refusals_of_the_moment_have_cures() -> None:
    assert 'bst flags set INGEST_REPLAY_ENABLED true --reason "…"' in str(cure_of("INGEST_REPLAY_DISABLED", "60"))
    assert "again in 17 s" in str(cure_of("RATE_LIMITED", "17"))
    assert cure_of("INVALID_FLAG_VALUE", None) is None


def test_an_audit_entry_says_what_changed_and_why() -> None:
    assert why({"before": "100", "value": "12.5", "reason": "canary"}) == "  100 → 12.5  (canary)"
    assert why({"before": "", "value": "a@b", "reason": "pilot"}) == "  (nobody) → a@b  (pilot)"
    assert why({"reason": "mapped now"}) == "  (mapped now)"
    assert why(None) == ""


def test_one_is_not_many() -> None:
    assert [counted(n, "entry", "entries") for n in (0, 1, 1200)] == ["0 entries", "1 entry", "1,200 entries"]
