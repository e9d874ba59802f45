"""Raw to canonical: the tables say what the facts say, and an unknown word is a typed outcome, never a default."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.values import FulfilmentStatus, PaymentKind, PaymentStatus
from bst_domain.vocabulary import (
    MAIL_EVENT,
    PAYMENT_WORDS,
    PAYPAL,
    PAYPAL_NOTICES,
    PAYPAL_WEBHOOKS,
    VOCABULARIES,
    Meaning,
    NoMoneyMoved,
    System,
    UnknownPaymentWord,
    UnknownStatus,
    map_status,
    payment_kind,
    paypal_webhook_kind,
)

DATA = Path(__file__).parent / "data"
SYSTEMS = {
    "web shop (legacy)": System.SHOP,
    "bstadmin (legacy)": System.ADMIN,
    "bstadmin (older)": System.ADMIN_BEFORE_RENAMING,
    "Google (Actions Center)": System.GOOGLE,
}
#: Rows of the facts that are no words: "GYG mails carry no status field", and three Spanish subjects in one row.
NOT_WORDS = {"(none)"}
REFINED = {"Urgente: nueva reserva recibida", "Cambio en los datos de la reserva", "Se ha cancelado una reserva"}


def rows() -> list[dict[str, str]]:
    with (DATA / "status_vocabulary.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["raw"] not in NOT_WORDS]


def raws(row: dict[str, str]) -> list[str]:
    return (
        [raw.removesuffix(" (partial cancel)") for raw in row["raw"].split(" / ")]
        if "mail" in row["object"]
        else [row["raw"]]
    )


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['system']}-{row['object']}-{row['raw'][:30]}")
def test_every_row_of_the_facts_is_mapped_as_proposed(row: dict[str, str]) -> None:
    system = SYSTEMS.get(row["system"]) or System(row["system"])
    for raw in raws(row):
        meaning = map_status(
            system, row["object"], raw.replace("…", " anything ") if raw not in REFINED else f"{raw} - S1 - GYG1"
        )
        assert isinstance(meaning, Meaning), raw
        if raw not in REFINED:
            assert (meaning.payment or "") == row["proposed_canonical"]
            assert (meaning.fulfilment or "") == row["proposed_ops"]


def test_no_word_is_in_a_table_that_the_facts_do_not_have() -> None:
    known = {(SYSTEMS.get(row["system"]) or System(row["system"]), row["object"]) for row in rows()}
    assert known == {(system, about) for system, vocabulary in VOCABULARIES.items() for about in vocabulary}
    words = sum(len(table) for vocabulary in VOCABULARIES.values() for table in vocabulary.values())
    assert words == sum(len(raws(row)) for row in rows())


def test_every_system_has_a_vocabulary() -> None:
    assert VOCABULARIES.keys() == set(System)
    assert all(words for vocabulary in VOCABULARIES.values() for words in vocabulary.values())


@given(st.sampled_from(System), st.text(), st.text())
def test_an_unknown_word_is_a_typed_outcome_never_a_default(system: System, about: str, raw: str) -> None:
    found = map_status(system, about, raw)
    if about not in VOCABULARIES[system]:
        assert found == UnknownStatus(system.value, about, raw, tuple(VOCABULARIES[system]))
    for table in VOCABULARIES[system]:
        inside = map_status(system, table, f"{raw}?!")
        if table != MAIL_EVENT:
            assert inside == UnknownStatus(system.value, table, f"{raw}?!", tuple(VOCABULARIES[system][table]))


@given(st.sampled_from(System), st.data())
def test_letter_case_and_surrounding_space_of_a_word_do_not_matter(system: System, data: st.DataObject) -> None:
    about = data.draw(st.sampled_from(sorted(VOCABULARIES[system])))
    word = data.draw(st.sampled_from(sorted(VOCABULARIES[system][about])))
    if "…" not in word:
        expected = VOCABULARIES[system][about][word]
        for spelling in (word, word.upper(), word.lower(), f" {word}\n"):
            if about != MAIL_EVENT or not spelling.startswith(" "):
                assert map_status(system, about, spelling) == expected


def test_an_unknown_word_says_what_could_have_been_meant() -> None:
    unknown = map_status(System.OCTO, "cancellation.refund", "HALF")
    assert str(unknown) == "unknown cancellation.refund 'HALF' of OCTO (known: FULL, PARTIAL, NONE)"


@pytest.mark.parametrize(
    ("system", "subject", "payment", "fulfilment"),
    [
        (System.GETYOURGUIDE, "Booking - S900111 - GYGX7K2QM9LT", "PAID", "NEW"),
        (System.GETYOURGUIDE, "Urgent: New booking received - S900112 - GYG48TWNB3RQ", "PAID", "ATTENTION"),
        (System.GETYOURGUIDE, "Urgente: nueva reserva recibida - S900113 - GYGQ5MZ8XPLA", "PAID", "ATTENTION"),
        (System.GETYOURGUIDE, "Booking detail change: - S900111 - GYGX7K2QM9LT", None, "UPDATED"),
        (System.GETYOURGUIDE, "Cambio en los datos de la reserva - S900113 - GYGQ5MZ8XPLA", None, "UPDATED"),
        (System.GETYOURGUIDE, "A booking has been canceled - S900114 - GYG9HD4KCXVE", None, "CANCELLED"),
        (System.VIATOR, "New Booking for Sun, Jan 17, 2027 (#BR-1987204417)", "PAID", "NEW"),
        (
            System.VIATOR,
            "URGENT Booking Request: Please Respond: Sat, Nov 21, 2026 (#BR-1)",
            "PENDING_PAYMENT",
            "ATTENTION",
        ),
        (System.VIATOR, "Amended Booking: Sun, Jan 17, 2027 (#BR-1987204417)", None, "UPDATED"),
        (System.VIATOR, "Please Respond: Amendment Request for Booking: Wed, Feb 24, 2027 (#BR-1)", None, "ATTENTION"),
        (System.VIATOR, "Tripadvisor Experiences Amendment: BR-1987240077    [ ref:!00D:ref ]", None, "UPDATED"),
        (System.BOKUN, "New booking: Sun 17.Jan '27 @ 07:00 (BAL-T900204417) Ext. booking ref: 1", "PAID", "NEW"),
        (System.BOKUN, "Updated booking: Fri 5.Feb '27 @ 08:00 (BAL-T900224242)", None, "UPDATED"),
        (System.TRIPDOTCOM, "New booking reminder - order no.1128900417", "PAID", "NEW"),
        (System.KLOOK, "Klook order confirmed - Lempuyang - 2027-01-23 - Zoë - CRG900417", "PAID", "NEW"),
        (System.AIRBNB, "Confirmed: Estéban booked your experience for July 7", "PAID", "NEW"),
    ],
)
def test_a_mail_means_what_its_subject_says(system: System, subject: str, payment: str | None, fulfilment: str) -> None:
    meaning = map_status(system, MAIL_EVENT, subject)
    assert isinstance(meaning, Meaning)
    assert (meaning.payment, meaning.fulfilment) == (payment, fulfilment)


@pytest.mark.parametrize(
    ("system", "subject"),
    [
        (System.GETYOURGUIDE, "URGENT (pickup plans): Annika has messaged you about booking GYGX7K2QM9LT"),
        (System.GETYOURGUIDE, "Your invoice is ready"),
        (System.GETYOURGUIDE, "Fwd: Booking - S900111 - GYGX7K2QM9LT"),
        (System.GETYOURGUIDE, "Booking - S900111"),
        (System.BOKUN, "Supercharge your direct bookings + $50 credit"),
    ],
)
def test_other_mail_is_not_a_booking(system: System, subject: str) -> None:
    assert isinstance(map_status(system, MAIL_EVENT, subject), UnknownStatus)


def test_the_most_specific_subject_wins() -> None:
    request = map_status(System.VIATOR, MAIL_EVENT, "Action Required: New Booking for Sun (#BR-1)")
    assert request == VOCABULARIES[System.VIATOR][MAIL_EVENT]["Action Required: New Booking for …"]


def message(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = DATA / "messages"
    expected = json.loads((folder / f"{name}.expected.json").read_text("utf-8"))
    return json.loads((folder / f"{name}.json").read_text("utf-8"))["body"], expected


KIND_STATUS = {
    PaymentKind.CAPTURED: "PAID",
    PaymentKind.PENDING: "PENDING_PAYMENT",
    PaymentKind.FAILED: "FAILED",
    PaymentKind.REFUNDED: "REFUNDED",
    PaymentKind.REVERSED: "REFUNDED",
    PaymentKind.VOIDED: "FAILED",
}


@pytest.mark.parametrize(
    "name",
    [
        "w01_paypal_order_approved",
        "w02_paypal_capture_completed",
        "w05_paypal_capture_pending",
        "w06_paypal_capture_denied",
        "w09_paypal_capture_reversed",
        "w11_paypal_v1_sale_completed",
    ],
)
def test_a_paypal_webhook_is_read_by_event_type_and_status(name: str) -> None:
    body, expected = message(name)
    status = expected["payment"]["resourceStatus"]
    kind = paypal_webhook_kind(body["event_type"], status)
    wanted = expected["suggested"]["canonicalStatus"]
    if wanted is None:
        assert kind == NoMoneyMoved()
    else:
        assert isinstance(kind, PaymentKind)
        assert KIND_STATUS[kind] == wanted


@pytest.mark.parametrize(
    ("name", "system", "about", "raw", "fulfilment"),
    [
        ("w12_bokun_thin_create", System.BOKUN, "webhook topic", "bookings/create", "NEW"),
        ("w14_bokun_cancel_full", System.BOKUN, "booking status", "CANCELLED", "CANCELLED"),
        ("w15_octo_booking_confirmed", System.OCTO, "Booking.status / UnitItem.status", "CONFIRMED", "NEW"),
        ("w16_octo_booking_cancelled", System.OCTO, "Booking.status / UnitItem.status", "CANCELLED", "CANCELLED"),
        ("w20_rezdy_updated_order", System.REZDY, "webhook type", "UPDATED_ORDER", "UPDATED"),
        ("w21_fareharbor_rebooked", System.FAREHARBOR, "booking status", "rebooked", "UPDATED"),
    ],
)
def test_a_channel_webhook_means_what_was_expected_of_it(
    name: str, system: System, about: str, raw: str, fulfilment: str
) -> None:
    body, expected = message(name)
    stated = body.get("booking", body).get("status", raw)
    meaning = map_status(system, about, raw)
    assert isinstance(meaning, Meaning)
    assert meaning.fulfilment == fulfilment
    assert {"created": "NEW", "updated": "UPDATED", "cancelled": "CANCELLED"}[expected["eventType"]] == fulfilment
    if about.startswith(("booking status", "Booking.status")):
        assert stated == raw


def test_a_refund_webhook_says_completed_and_is_no_capture() -> None:
    for event, done in (("REFUNDED", PaymentKind.REFUNDED), ("REVERSED", PaymentKind.REVERSED)):
        assert paypal_webhook_kind(f"PAYMENT.CAPTURE.{event}", "COMPLETED") is done
        for status in ("PENDING", "FAILED", "CANCELLED"):
            assert paypal_webhook_kind(f"payment.capture.{event.lower()}", status.lower()) == NoMoneyMoved()
    assert paypal_webhook_kind("PAYMENT.CAPTURE.COMPLETED", "COMPLETED") is PaymentKind.CAPTURED
    assert paypal_webhook_kind("CHECKOUT.ORDER.COMPLETED", "COMPLETED") == NoMoneyMoved()
    assert paypal_webhook_kind("CHECKOUT.ORDER.APPROVED", "APPROVED") is PaymentKind.PENDING
    assert paypal_webhook_kind("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "APPROVED") is PaymentKind.VOIDED
    assert paypal_webhook_kind("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "COMPLETED") is PaymentKind.VOIDED
    assert paypal_webhook_kind("PAYMENT.CAPTURE.DECLINED", "DECLINED") is PaymentKind.FAILED


def test_an_unknown_webhook_or_status_is_named() -> None:
    assert paypal_webhook_kind("PAYMENT.CAPTURE.SHRUNK", "COMPLETED") == UnknownPaymentWord(
        "PAYPAL", "PAYMENT.CAPTURE.SHRUNK"
    )
    odd = paypal_webhook_kind("PAYMENT.CAPTURE.COMPLETED", "odd")
    assert odd == UnknownPaymentWord("PAYPAL", "PAYMENT.CAPTURE.COMPLETED odd")
    assert str(odd) == "unknown payment status 'PAYMENT.CAPTURE.COMPLETED odd' of PAYPAL"
    assert str(payment_kind("stripe", "ok")) == "unknown payment provider 'STRIPE' (known: PAYPAL)"


def test_every_documented_paypal_event_is_read() -> None:
    documented = {word for about in ("webhook event_type", "webhook event_type (V1)") for word in PAYPAL[about]}
    assert documented == PAYPAL_WEBHOOKS.keys() | PAYPAL_NOTICES
    for notice in PAYPAL_NOTICES:
        assert paypal_webhook_kind(notice, "whatever") == NoMoneyMoved()


def test_the_kind_of_a_word_agrees_with_its_meaning() -> None:
    words = PAYMENT_WORDS["PAYPAL"]
    for about in ("order.status", "capture.status"):
        for word, meaning in PAYPAL[about].items():
            if about == "order.status" and word == "COMPLETED":
                continue  # not a proof of payment; a capture's COMPLETED is
            kind = words[word]
            assert meaning.payment == KIND_STATUS[kind], word
            assert payment_kind("PayPal", word.lower()) is kind


def test_a_meaning_that_says_nothing_decides_nothing() -> None:
    assert Meaning().decides_nothing
    assert not Meaning(payment=PaymentStatus.PAID).decides_nothing
    assert not Meaning(fulfilment=FulfilmentStatus.NEW).decides_nothing
