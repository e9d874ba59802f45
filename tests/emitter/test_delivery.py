"""What is tried again, when, and as what; on both emitters, with a server that says what it is told to say and no real time."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

import httpx
import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.ingest import SignedRequest, Verified, verify
from bst_emitter import (
    Accepted,
    AsyncEmitter,
    Emitter,
    Envelope,
    Patience,
    Refused,
    Result,
    Target,
    Undelivered,
    prepare,
    prepare_event,
    prepare_publish,
)
from bst_emitter._delivery import Attempt, NoAnswer, Pause, delivering

TARGET = Target(url="http://core/bst", token="token", secret="secret-é")
EVENT = prepare_event({"name": "Brandstätter"}, key="direct-created-1")
STEP = prepare("POST", "/v1/somewhere", {}, key="key-1", repeatable=False)
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
TAKEN = {"data": {"eventId": "e-1"}, "meta": {"requestId": "r-1"}}

Said = httpx.Response | type[httpx.HTTPError]


def refusal(status: int, message: str = "NO", **headers: str) -> httpx.Response:
    error = {"code": "X", "message": message, "details": {"why": 1}, "requestId": "r-2"}
    return httpx.Response(status, json={"error": error}, headers=headers)


def accepted(status: int = 202) -> httpx.Response:
    return httpx.Response(status, json=TAKEN)


@define
class Server:
    """Says one thing after the other, the last for ever, and checks every request as BST would."""

    says: list[Said]
    at: datetime = BEGAN
    pauses: list[float] = field(factory=list)
    requests: list[httpx.Request] = field(factory=list)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += timedelta(seconds=seconds)

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        headers = request.headers
        signed = SignedRequest(
            method=request.method,
            path=request.url.raw_path.decode(),
            timestamp=headers["x-timestamp"],
            nonce=headers["x-nonce"],
            idempotency_key=headers["x-idempotency-key"],
            body=request.content,
            algorithm=headers["x-signature-algorithm"],
            signature=headers["x-signature"],
        )
        assert isinstance(verify(signed, secrets=["secret-é"], now=self.at), Verified)
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(said, httpx.Response):  # a response is read once, and by one kind of client
            return httpx.Response(said.status_code, headers=said.headers, content=said.content)
        raise said("no luck")


def blocking(server: Server, envelope: Envelope, patience: Patience | None) -> Result:
    with httpx.Client(transport=httpx.MockTransport(server.answer)) as http:
        emitter = Emitter(TARGET, patience=patience, http=http, now=server.now, sleep=server.sleep)
        return emitter.send(envelope)


def asynchronous(server: Server, envelope: Envelope, patience: Patience | None) -> Result:
    async def send() -> Result:
        async with httpx.AsyncClient(transport=httpx.MockTransport(server.answer)) as http:
            emitter = AsyncEmitter(TARGET, patience=patience, http=http, now=server.now, sleep=server.sleep_async)
            return await emitter.send(envelope)

    return asyncio.run(send())


Send = Callable[..., Result]


@pytest.fixture(params=[blocking, asynchronous])
def send(request: pytest.FixtureRequest) -> Send:
    def sending(server: Server, envelope: Envelope = EVENT, patience: Patience | None = None) -> Result:
        result: Result = request.param(server, envelope, patience)
        return result

    return sending


def test_what_is_accepted_is_sent_once(send: Send) -> None:
    server = Server([accepted()])
    assert send(server) == Accepted(status=202, data={"eventId": "e-1"}, request_id="r-1", attempts=1)
    assert server.pauses == []
    [request] = server.requests
    assert (request.method, str(request.url)) == ("POST", "http://core/bst/v1/ingest/bookings/events")
    assert request.headers["authorization"] == "Bearer token"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("trouble", [refusal(500), refusal(503), refusal(429), httpx.ConnectError, httpx.ReadTimeout])
def test_there_are_four_attempts_with_their_pauses(send: Send, trouble: Said) -> None:
    """The predecessor's emitter: 0.5, 1.5 and 4 s."""
    server = Server([trouble])
    result = send(server)
    assert isinstance(result, Undelivered)
    assert result.attempts == len(server.requests) == 4
    assert server.pauses == [0.5, 1.5, 4.0]


def test_every_attempt_has_the_same_key_and_body_and_a_fresh_nonce_and_time(send: Send) -> None:
    server = Server([refusal(503), httpx.ReadError, refusal(429), accepted()])
    assert isinstance(send(server), Accepted)
    said = [request.headers for request in server.requests]
    assert len({headers["x-nonce"] for headers in said}) == 4
    assert len({headers["x-timestamp"] for headers in said}) == 4
    assert {headers["x-idempotency-key"] for headers in said} == {"direct-created-1"}
    assert {sha256(request.content).hexdigest() for request in server.requests} == {sha256(EVENT.body).hexdigest()}


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 413])
def test_other_answers_are_final(send: Send, status: int) -> None:
    server = Server([refusal(status, "INVALID_JSON"), accepted()])
    assert send(server) == Refused(
        status=status, message="INVALID_JSON", details={"why": 1}, request_id="r-2", attempts=1
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("3", 3.0),
        ("0", 0.5),
        ("30", 30.0),
        ("soon", 0.5),
        ("-1", 0.5),
        ("²", 0.5),
        (format_datetime(BEGAN + timedelta(seconds=7), usegmt=True), 7.0),
        (format_datetime(BEGAN - timedelta(seconds=7), usegmt=True), 0.5),
    ],
)
def test_a_server_that_says_when_is_listened_to(send: Send, header: str, pause: float) -> None:
    said = httpx.Response(429, headers=[(b"retry-after", header.encode())])
    server = Server([said, accepted()])
    assert isinstance(send(server), Accepted)
    assert server.pauses == [pause]


def test_a_server_that_wants_a_long_pause_is_left_alone(send: Send) -> None:
    """A customer may be waiting; the outbox has time."""
    server = Server([refusal(429, "RATE_LIMITED", **{"retry-after": "31"}), accepted()])
    assert send(server) == Undelivered(trouble="429 RATE_LIMITED", retry_after_s=31.0, perhaps_done=False, attempts=1)
    assert server.pauses == []


@pytest.mark.parametrize(
    ("trouble", "perhaps"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (refusal(429), False),
        (refusal(503), True),
        (httpx.ReadTimeout, True),
        (httpx.RemoteProtocolError, True),
    ],
)
def test_whether_it_may_have_arrived_is_said(send: Send, trouble: Said, perhaps: bool) -> None:
    result = send(Server([trouble]))
    assert isinstance(result, Undelivered)
    assert result.perhaps_done is perhaps
    server = Server([trouble, accepted(201)])
    assert isinstance(send(server, STEP), Undelivered if perhaps else Accepted)
    assert len(server.requests) == (1 if perhaps else 2)


@pytest.mark.parametrize("secret", [None, "secret"])
def test_an_unsigned_call_whose_answer_was_lost_is_not_made_again(secret: str | None) -> None:
    """Where nothing is signed the server does not look at the key, and would do it twice."""
    target = Target(url="http://core", token="token", secret=secret)
    sending = delivering(
        prepare_publish(key="k"), target, Patience(), now=lambda: BEGAN, new_nonce=lambda: "nonce-1234"
    )
    assert isinstance(next(sending), Attempt)
    if secret is not None:
        assert isinstance(sending.send(NoAnswer(why="lost", reached=True)), Pause)
        return
    with pytest.raises(StopIteration) as ended:
        sending.send(NoAnswer(why="lost", reached=True))
    assert ended.value.value == Undelivered(trouble="lost", retry_after_s=None, perhaps_done=True, attempts=1)


@pytest.mark.parametrize("content", [b"", b"<html>502</html>", b"[]", b'"x"', b"null", b'{"error": 7}', b"\xff"])
@pytest.mark.parametrize("status", [200, 400, 502])
def test_something_between_may_answer_in_its_own_words(send: Send, content: bytes, status: int) -> None:
    result = send(Server([httpx.Response(status, content=content)]), patience=Patience(pauses_s=()))
    kind: dict[int, type[Any]] = {200: Accepted, 400: Refused, 502: Undelivered}
    assert isinstance(result, kind[status])
    if isinstance(result, Undelivered):
        assert result.trouble == "502 an answer that is not BST's"


outcomes = st.sampled_from(["taken", "refused", "later", "limited", "lost", "away"])


@given(script=st.lists(outcomes, min_size=1, max_size=6), pauses=st.lists(st.floats(0, 5), max_size=4))
def test_an_envelope_always_ends_and_never_after_a_final_answer(script: list[str], pauses: list[float]) -> None:
    say: dict[str, Said] = {
        "taken": accepted(),
        "refused": refusal(400),
        "later": refusal(503),
        "limited": refusal(429),
        "lost": httpx.ReadError,
        "away": httpx.ConnectError,
    }
    server = Server([say[word] for word in script])
    result = blocking(server, EVENT, Patience(pauses_s=tuple(pauses)))
    heard = [*script, *[script[-1]] * 10][: len(server.requests)]
    assert result.attempts == len(server.requests) <= len(pauses) + 1
    assert not {"taken", "refused"} & set(heard[:-1])
    match heard[-1]:
        case "taken":
            assert isinstance(result, Accepted)
        case "refused":
            assert isinstance(result, Refused)
        case _:
            assert isinstance(result, Undelivered)
            assert result.attempts == len(pauses) + 1
            assert result.perhaps_done == bool({"later", "lost"} & set(heard))


def test_an_emitter_closes_what_it_opened_and_nothing_else() -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: accepted())) as http:
        with Emitter(TARGET, http=http):
            pass
        assert not http.is_closed
    own = Emitter(TARGET)
    own.close()
    with pytest.raises(RuntimeError, match="closed"):
        own.send(EVENT)
