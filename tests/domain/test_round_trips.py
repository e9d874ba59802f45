"""Structuring what was unstructured gives the same value, for every public value of the domain."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bst_domain.booking
import bst_domain.catalog
import bst_domain.ingest
import bst_domain.migration
import bst_domain.values
import bst_domain.vocabulary
from bst_domain.booking import (
    BookingFacts,
    converter,
    facts_from_document,
    facts_to_document,
    merge,
    project,
)
from bst_domain.catalog import CatalogRow, Rate
from bst_domain.values import Money
from bst_testing.strategies import catalog_rows, fact_lists, ops_inputs, rates, single_facts, today

CHAPTERS = (
    bst_domain.values,
    bst_domain.vocabulary,
    bst_domain.booking,
    bst_domain.catalog,
    bst_domain.ingest,
    bst_domain.migration,
)


def test_every_public_value_is_frozen_slotted_and_small() -> None:
    for chapter in CHAPTERS:
        for name in chapter.__all__:
            value = getattr(chapter, name)
            if isinstance(value, type) and attrs.has(value) and name not in {"Lifecycle", "NotAllowed"}:
                assert "__slots__" in vars(value), name
                assert value.__setattr__ is not object.__setattr__, name


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(fact_lists)
def test_facts_survive_their_document(said: list[BookingFacts]) -> None:
    facts = BookingFacts()
    for one in said:
        facts = merge(facts, one)
    back = facts_from_document(json.loads(json.dumps(facts_to_document(facts))))
    assert attrs.evolve(back, payments=facts.payments) == facts


@given(single_facts)
def test_payments_survive_the_converter(facts: BookingFacts) -> None:
    made = converter()
    for payment in facts.payments.values():
        raw = json.loads(json.dumps(made.unstructure(payment)))
        assert made.structure(raw, type(payment)) == payment


@given(fact_lists, ops_inputs, today)
def test_a_projected_booking_can_be_written_as_json(said: list[BookingFacts], ops: Any, day: Any) -> None:
    facts = BookingFacts()
    for one in said:
        facts = merge(facts, one)
    booking = project(facts, ops, day)
    raw = json.loads(json.dumps(converter().unstructure(booking)))
    assert raw["payment_status"] == booking.payment_status
    assert raw["contact"]["name"] == booking.contact.name
    assert converter().structure(raw["contact"], type(booking.contact)) == booking.contact


@given(catalog_rows, rates)
def test_catalog_values_survive_the_converter(row: CatalogRow, rate: Rate) -> None:
    made = converter()
    for value in (row, rate, Money("USD", Decimal("1.10"))):
        raw = json.loads(json.dumps(made.unstructure(value)))
        assert made.structure(raw, type(value)) == value


simple = st.sampled_from([UUID(int=1), Decimal("1.10")])


@given(simple)
def test_keys_and_amounts_are_written_as_text(value: UUID | Decimal) -> None:
    made = converter()
    raw = made.unstructure(value)
    assert raw == str(value)
    assert made.structure(raw, type(value)) == value
