"""Tables of rules are total: every member of every enum is handled, terminal states are explicit."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_domain import booking, catalog, cutover, gates, ingest, lifecycles, migration, values, vocabulary
from bst_domain.booking import ATTEMPTS, RETURNS
from bst_domain.ingest import (
    RETRY_DELAYS,
    RETRYABLE,
    DeadLetter,
    Failure,
    FailureCode,
    KeyReused,
    PriorEvent,
    Replayed,
    RetryAt,
    decide_acceptance,
    decide_after_failure,
)
from bst_domain.values import (
    BALI,
    BookingIdentity,
    EventId,
    ExternalRef,
    PaymentKind,
    Source,
    bali_day,
    format_instant,
    normalise_ref,
    parse_instant,
)
from bst_domain.vocabulary import PAYMENT_WORDS

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_every_payment_kind_is_a_capture_a_return_or_an_attempt() -> None:
    assert {PaymentKind.CAPTURED} | RETURNS | ATTEMPTS.keys() == set(PaymentKind)
    assert not RETURNS & ATTEMPTS.keys()
    for words in PAYMENT_WORDS.values():
        assert all(word == word.upper() for word in words)


def test_every_failure_is_retryable_or_not() -> None:
    assert RETRYABLE.keys() == set(FailureCode)
    final = {code for code, retryable in RETRYABLE.items() if not retryable}
    assert final == {
        FailureCode.VALIDATION_ERROR,
        FailureCode.UNAUTHORIZED_SIGNATURE,
        FailureCode.SCHEMA_MISMATCH,
        FailureCode.EVENT_NOT_FOUND,
    }


def test_a_first_execution_and_five_retries_use_every_delay() -> None:
    failure = Failure(FailureCode.TRANSIENT_ERROR, "broken")
    waits = []
    for executions in range(1, 6):
        decision = decide_after_failure(failure, executions=executions, now=NOW)
        assert isinstance(decision, RetryAt)
        waits.append(decision.at - NOW)
    assert tuple(waits) == RETRY_DELAYS
    assert [int(wait.total_seconds()) for wait in waits] == [30, 120, 600, 1800, 7200]
    assert decide_after_failure(failure, executions=6, now=NOW) == DeadLetter(failure)


@pytest.mark.parametrize("code", [code for code, retryable in RETRYABLE.items() if not retryable])
def test_what_cannot_succeed_is_not_tried_again(code: FailureCode) -> None:
    failure = Failure(code, "no")
    assert decide_after_failure(failure, executions=1, now=NOW) == DeadLetter(failure)


def prior(number: int, fingerprint: str) -> PriorEvent:
    from uuid import UUID

    return PriorEvent(
        event_id=EventId(UUID(int=number)), idempotency_key="k", fingerprint=fingerprint, process_status="DONE"
    )


def test_the_acceptance_table() -> None:
    same, other = prior(1, "f"), prior(2, "g")
    assert decide_acceptance(fingerprint="f", same_key=None, same_content=None) is None
    assert decide_acceptance(fingerprint="f", same_key=same, same_content=None) == Replayed(same.event_id, "DONE")
    assert decide_acceptance(fingerprint="f", same_key=other, same_content=None) == KeyReused(other.event_id)
    assert decide_acceptance(fingerprint="f", same_key=None, same_content=same) == Replayed(same.event_id, "DONE")
    assert decide_acceptance(fingerprint="f", same_key=other, same_content=same) == KeyReused(other.event_id)


@given(st.text())
def test_a_reference_is_normalised_once(raw: str) -> None:
    ref = normalise_ref(raw)
    assert normalise_ref(f" {ref} ") == normalise_ref(ref)
    assert not any(character.isspace() for character in ref)


def test_spellings_of_one_reference_are_one_booking() -> None:
    assert normalise_ref(" gyg 123\tabc ") == "GYG123ABC"
    one, other = (BookingIdentity(Source.GYG, normalise_ref(ref)) for ref in ("gyg1", " GYG1"))
    assert one == other
    assert one.lock_number() == other.lock_number()
    assert one.lock_number() != BookingIdentity(Source.VIATOR, ExternalRef("GYG1")).lock_number()


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_read_in_every_zone(at: datetime, minutes: int) -> None:
    from datetime import timezone

    try:
        spelled = at.astimezone(timezone(timedelta(minutes=minutes))).isoformat(timespec="microseconds")
    except OverflowError:
        return
    assert parse_instant(spelled) == at


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01",
        "2026-03-01T10:00:00",
        "Sun, 01 Mar 2026 10:00:00 GMT",
        "2026-02-30T10:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T10:00:60Z",
        "2026-03-01T10:00:00.1234567Z",
        "2026-03-01 10:00:00Z",
        "20260301T100000Z",
        "1772359200",
        "٢٠٢٦-03-01T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2026-03-01T10:00:00Z\n",
    ],
)
def test_other_spellings_are_no_instant(text: str) -> None:
    assert parse_instant(text) is None


def test_the_day_in_bali_begins_at_16_utc() -> None:
    assert bali_day(datetime(2026, 6, 1, 15, 59, 59, tzinfo=UTC)).isoformat() == "2026-06-01"
    assert bali_day(datetime(2026, 6, 1, 16, tzinfo=UTC)).isoformat() == "2026-06-02"
    assert format_instant(datetime(2026, 6, 1, 16, 0, 0, 999_999, tzinfo=UTC)) == "2026-06-01T16:00:00.999Z"
    in_bali = datetime(2026, 6, 2, 0, 0, 0, 5000, tzinfo=BALI)
    assert format_instant(in_bali) == "2026-06-01T16:00:00.005Z"


#: Tables that leave members out on purpose, and why.
PARTIAL = {
    "ATTEMPTS": "with RETURNS and the capture it is total: see above",
}


def tables_by_enum() -> list[tuple[str, set[object], type[Enum]]]:
    found = []
    for chapter in (booking, catalog, cutover, gates, ingest, lifecycles, migration, values, vocabulary):
        for name in chapter.__all__:
            value = getattr(chapter, name)
            table = value.transitions if isinstance(value, lifecycles.Lifecycle) else value
            if isinstance(table, Mapping) and table:
                kinds = {type(key) for key in table}
                if len(kinds) == 1 and issubclass(kind := kinds.pop(), Enum):
                    found.append((name, set(table), kind))
    return found


@pytest.mark.parametrize(
    ("name", "keys", "kind"), tables_by_enum(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_member_of_every_enum_is_handled_by_every_table(name: str, keys: set[object], kind: type[Enum]) -> None:
    if name not in PARTIAL:
        assert keys == set(kind)


def test_there_are_tables_to_look_at() -> None:
    names = {name for name, _, _ in tables_by_enum()}
    assert {"DEAD_LETTER", "PLAYBOOK", "RETENTION", "RETRYABLE", "VOCABULARIES", "ACTION_STARTS"} <= names
    assert PARTIAL.keys() <= names


def test_instants_do_not_depend_on_the_zone_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 6, 1, 16, tzinfo=UTC)
    try:
        for zone in ("Asia/Makassar", "America/Los_Angeles", "UTC"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert format_instant(at) == "2026-06-01T16:00:00.000Z"
            parsed = parse_instant("2026-06-02T00:00:00+08:00")
            assert parsed == at
            assert parsed is not None
            assert parsed.tzinfo is UTC
            assert bali_day(at).isoformat() == "2026-06-02"
    finally:
        monkeypatch.undo()
        time.tzset()
