"""Signs deliveries and sends them, many at a time, until each has its answer."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import httpx
from attrs import define, field, frozen

import bst_emitter
from bst_cli.trouble import Trouble
from bst_emitter import Target

PATH: Final = "/v1/ingest/bookings/events"
#: How long one delivery is tried again before it is given up. When nobody at all answers for that long, the rest is, too.
GIVE_UP_AFTER_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
#: Answers that say "come back": anything else is final.
TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
EXAMPLES = 3


@frozen(kw_only=True)
class Line:
    """One delivery of a file."""

    number: int
    key: str
    body: bytes


@define(kw_only=True)
class Outcome:
    """What became of the deliveries. Latencies are of single attempts, in seconds."""

    sent: int = 0
    accepted: int = 0
    replayed: int = 0
    refused: Counter[str] = field(factory=Counter)
    examples: dict[str, list[int]] = field(factory=dict)
    given_up: list[int] = field(factory=list)
    retries: int = 0
    latencies: list[float] = field(factory=list)
    seconds: float = 0.0
    last_answer: float = field(factory=monotonic)
    trouble: str | None = None  # why the latest attempt that will be made again, or was given up, had no final answer

    def percentile_ms(self, share: float) -> float:
        """Milliseconds; 0 when nothing was answered."""
        if not self.latencies:
            return 0.0
        ordered = sorted(self.latencies)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1)

    @property
    def answer_times(self) -> str | None:
        """As a person reads them; None when nothing was answered. Waiting for a free connection and the network are in them."""
        if not self.latencies:
            return None
        times = " / ".join(str(self.percentile_ms(share)) for share in (0.5, 0.95, 0.99))
        return f"as this client saw it, an answer took {times} ms (p50 / p95 / p99)"

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "sent": self.sent,
            "accepted": self.accepted,
            "replayed": self.replayed,
            "refused": dict(self.refused),
            "refusedLines": self.examples,
            "notAccepted": len(self.given_up),
            "notAcceptedLines": self.given_up[:EXAMPLES],
            "lastTrouble": self.trouble,
            "retries": self.retries,
            "latencyMs": {
                "p50": self.percentile_ms(0.5),
                "p95": self.percentile_ms(0.95),
                "p99": self.percentile_ms(0.99),
            },
            "perSecond": round(self.sent / self.seconds) if self.seconds else 0,
        }


def read_lines(path: Path) -> list[Line]:
    """The deliveries of a JSONL file. Raises Trouble that names the first line that is none."""
    lines = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                if text.strip():
                    lines.append(_line(path, number, text))
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{path} cannot be read: {error}", "Give a JSONL file in UTF-8.") from error
    return lines


def _line(path: Path, number: int, text: str) -> Line:
    cure = 'Each line is a JSON object {"idempotencyKey": "...", "body": {...}}.'
    try:
        said = json.loads(text)
    except ValueError as error:
        raise Trouble(f"{path}, line {number}: not JSON ({error})", cure) from error
    if not isinstance(said, dict) or not isinstance(said.get("idempotencyKey"), str) or "body" not in said:
        raise Trouble(f"{path}, line {number}: idempotencyKey or body is missing", cure)
    body = json.dumps(said["body"], ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Line(number=number, key=said["idempotencyKey"], body=body)


def in_order(lines: list[Line], *, repeat: int, shuffle: int | None) -> list[Line]:
    """The file ``repeat`` times over, in another order when a seed is given."""
    everything = lines * repeat
    if shuffle is not None:
        Random(shuffle).shuffle(everything)  # noqa: S311 - an order to repeat, not a secret
    return everything


async def send_all(
    lines: Iterable[Line],
    target: Target,
    *,
    concurrency: int,
    rate: float | None,
    progress: Callable[[], None],
    give_up_after_s: float = GIVE_UP_AFTER_S,
    waiting: Callable[[str], None] = lambda _why: None,
) -> Outcome:
    """Sends everything; ``rate`` is in deliveries per second. ``progress`` is called once a delivery, ``waiting`` with the reason
    whenever one has to be tried again."""
    outcome = Outcome()
    pending: Iterator[tuple[int, Line]] = iter(enumerate(lines))
    begun = monotonic()
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(base_url=target.url, timeout=30, limits=limits, trust_env=False) as client:

        async def worker() -> None:
            for place, line in pending:
                if rate is not None:
                    await asyncio.sleep(max(0.0, begun + place / rate - monotonic()))
                await _deliver(client, target, line, outcome, give_up_after_s, waiting)
                progress()

        await asyncio.gather(*(worker() for _ in range(concurrency)))
    outcome.seconds = monotonic() - begun
    return outcome


async def _deliver(
    client: httpx.AsyncClient,
    target: Target,
    line: Line,
    outcome: Outcome,
    give_up_after_s: float,
    waiting: Callable[[str], None],
) -> None:
    deadline = monotonic() + give_up_after_s
    pause = FIRST_PAUSE_S
    outcome.sent += 1
    if outcome.given_up and monotonic() - outcome.last_answer > give_up_after_s:
        outcome.given_up.append(line.number)
        return
    while True:
        begun = monotonic()
        try:
            answer = await client.post(PATH, content=line.body, headers=signed_headers(target, line))
        except httpx.HTTPError as error:
            answer = None
            outcome.trouble = why_no_answer(error)
        if answer is not None:
            outcome.latencies.append(monotonic() - begun)
            if answer.status_code not in TRY_AGAIN:
                outcome.last_answer = monotonic()
                _note(answer, line, outcome)
                return
            outcome.trouble = said_by(answer)
            pause = max(pause, _retry_after(answer))
        if monotonic() + pause > deadline:
            outcome.given_up.append(line.number)
            return
        outcome.retries += 1
        waiting(outcome.trouble or "")
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)


def said_by(answer: httpx.Response) -> str:
    """``503 INGEST_WEBHOOK_DISABLED``."""
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = "an answer that is not BST's"
    return f"{answer.status_code} {message}"


def why_no_answer(error: httpx.HTTPError) -> str:
    """In a person's words; the libraries say "All connection attempts failed" for nearly everything."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection within the time limit"
    if isinstance(error, httpx.TimeoutException):
        return "no answer within the time limit"
    return str(error) or type(error).__name__


def _note(answer: httpx.Response, line: Line, outcome: Outcome) -> None:
    if answer.status_code == httpx.codes.ACCEPTED:
        if answer.json()["data"]["idempotentReplay"]:
            outcome.replayed += 1
        else:
            outcome.accepted += 1
        return
    code = said_by(answer)
    outcome.refused[code] += 1
    examples = outcome.examples.setdefault(code, [])
    if len(examples) < EXAMPLES:
        examples.append(line.number)


def signed_headers(target: Target, line: Line) -> dict[str, str]:
    """A fresh timestamp and nonce for every attempt; the key stays."""
    return bst_emitter.signed_headers(
        target, method="POST", path=PATH, key=line.key, body=line.body, now=datetime.now(UTC), nonce=str(uuid4())
    )


def _retry_after(answer: httpx.Response) -> float:
    try:
        return min(float(answer.headers.get("retry-after", "0")), LONGEST_PAUSE_S)
    except ValueError:
        return 0.0
