"""Contacts: rank first, then time; a placeholder never replaces a real value."""

import pytest
from hypothesis import given

from bst_domain.booking import BookingFacts, Field, merge
from bst_domain.values import (
    EmailKind,
    Quality,
    email_kind,
    email_quality,
    name_quality,
    phone_e164,
    phone_quality,
)
from bst_testing.strategies import fact_lists
from tests.domain.test_merge_laws import fold

CONTACT = (Field.NAME, Field.EMAIL, Field.PHONE)


@given(fact_lists)
def test_a_placeholder_never_replaces_a_real_contact(said: list[BookingFacts]) -> None:
    before, new = fold(said[:-1]), said[-1]
    after = merge(before, new)
    for field in CONTACT:
        known, came, now = before.registers.get(field), new.registers.get(field), after.registers.get(field)
        if known is not None and now is not None:
            assert now.quality >= known.quality
            if came is not None and came.quality < known.quality:
                assert now == known


@given(fact_lists)
def test_between_equals_the_later_event_time_wins(said: list[BookingFacts]) -> None:
    facts = fold(said)
    for field in CONTACT:
        voices = [one.registers[field] for one in said if field in one.registers]
        if voices:
            best = max(voice.quality for voice in voices)
            top = max((v for v in voices if v.quality == best), key=lambda voice: voice.stamp)
            assert facts.registers[field] == top


@pytest.mark.parametrize("name", ["", " ", "Guest", "CUSTOMER", "unknown", "Cancelled", "N/A", "na", "-", "Test", None])
def test_placeholder_names(name: str | None) -> None:
    assert name_quality(name) is Quality.PLACEHOLDER


@pytest.mark.parametrize("name", ["Testa", "Guest House", "王", "O'Brien"])
def test_personal_names(name: str) -> None:
    assert name_quality(name) is Quality.PERSONAL


@pytest.mark.parametrize(
    ("email", "quality"),
    [
        (None, Quality.PLACEHOLDER),
        ("", Quality.PLACEHOLDER),
        ("a@b", Quality.PLACEHOLDER),
        ("a b@c.de", Quality.PLACEHOLDER),
        ("TEST@TEST.COM", Quality.PLACEHOLDER),
        ("jane@Example.com", Quality.PLACEHOLDER),
        ("No-Email@anything.org", Quality.PLACEHOLDER),
        ("cancelled@getyourguide.com", Quality.PLACEHOLDER),
        ("noreply@a.b", Quality.PLACEHOLDER),
        ("no-reply@a.b", Quality.PLACEHOLDER),
        ("do-not-reply@notification.getyourguide.com", Quality.PLACEHOLDER),
        ("TNT_noreply@a.b", Quality.PLACEHOLDER),
        ("noreply@reply.getyourguide.com", Quality.PLACEHOLDER),
        ("customer-1@reply.getyourguide.com", Quality.RELAY),
        ("S-1@expmessaging.tripadvisor.com", Quality.RELAY),
        ("S-1@evpmessaging.tripadvisor.com", Quality.RELAY),
        ("x@guest.airbnb.com", Quality.RELAY),
        ("x.123456@guest.booking.com", Quality.RELAY),
        (" Jane.Doe@mail.example.org ", Quality.PERSONAL),
    ],
)
def test_email_quality(email: str | None, quality: Quality) -> None:
    assert email_quality(email) is quality
    if email is not None:
        assert email_kind(email).name == quality.name
    else:
        assert email_kind(email) is EmailKind.ABSENT


@pytest.mark.parametrize(
    ("phone", "e164"),
    [
        ("+62 812-3456-7890", "+6281234567890"),
        ("0062 812 3456 7890", "+6281234567890"),
        ("0812 3456 7890", "+6281234567890"),
        ("US+1 (202) 555-0127", "+12025550127"),
        ("+64 (0)21 123 4567", "+64211234567"),
        ("82-010-1234-5678", None),
        ("see mail", None),
        ("0000000000", None),
        ("1234567", None),
        ("1234567890123456", None),
        (None, None),
    ],
)
def test_phone_numbers(phone: str | None, e164: str | None) -> None:
    assert phone_e164(phone) == e164


@pytest.mark.parametrize(
    ("phone", "real"),
    [("12345678", True), ("1234567", False), ("123456789012345", True), ("77777777", False), ("12121212", True)],
)
def test_phone_quality_counts_digits(phone: str, real: bool) -> None:
    assert (phone_quality(phone) is Quality.PERSONAL) == real
