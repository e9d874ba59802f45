"""Publishing: what is frozen is what is served, the checksum is of the bytes, and a payload is refused for one reason only."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.catalog import (
    Content,
    EditorItem,
    EditorRate,
    EditorVariant,
    EmptyPayload,
    Faq,
    ItemsNotActive,
    ItineraryStep,
    Slide,
    Superseded,
    active_part,
    editor_json,
    entry_from,
    entry_json,
    entry_of,
    finds,
    frozen_json,
    payload_checksum,
    payload_items,
    payload_text,
    refuse_payload,
    reviewer_of,
    snapshot_path,
    turning_points,
)

AT = datetime(2026, 6, 1, tzinfo=UTC)
JOB = UUID(int=99)
texts = st.text(max_size=12)
EARLIEST, LATEST = (datetime.fromisoformat(day) for day in ("2025-01-01", "2028-01-01"))  # the strategy adds the zone
keys = st.uuids()
zones = st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(-timedelta(hours=3, minutes=30))])
instants = st.datetimes(min_value=EARLIEST, max_value=LATEST, timezones=zones)
rates = st.builds(
    EditorRate,
    key=keys,
    traveller=st.sampled_from(["ADULT", "CHILD", "INFANT", "SENIOR"]),
    currency=st.sampled_from(["USD", "EUR"]),
    price=st.decimals(min_value=0, max_value=10**9, places=2),
    min_quantity=st.none() | st.integers(1, 9),
    max_quantity=st.none() | st.integers(1, 9),
    valid_from=st.none() | instants,
    valid_to=st.none() | instants,
    is_active=st.booleans(),
)
variants = st.builds(
    EditorVariant,
    key=keys,
    code=st.sampled_from(["STD", "PKG-7", "PKG-12"]),
    name=texts,
    duration_days=st.integers(-1, 9),
    currency=st.sampled_from(["USD", "EUR"]),
    is_default=st.booleans(),
    is_active=st.booleans(),
    updated_at=st.just(AT),
    rates=st.lists(rates, max_size=4).map(tuple),
)
contents = st.builds(
    Content,
    slides=st.lists(st.builds(Slide, url=texts, is_cover=st.booleans(), sort_order=st.integers(0, 5)), max_size=3).map(
        tuple
    ),
    itinerary=st.lists(st.builds(ItineraryStep, title=texts, variant=st.none() | texts), max_size=2).map(tuple),
    highlights=st.lists(texts, max_size=2).map(tuple),
    faqs=st.lists(st.builds(Faq, question=texts, answer=texts), max_size=2).map(tuple),
)
items = st.builds(
    EditorItem,
    key=keys,
    slug=texts,
    name=texts,
    description=st.none() | texts,
    short_description=st.none() | texts,
    is_active=st.booleans(),
    is_featured=st.booleans(),
    thumbnail_url=st.none() | texts,
    created_at=st.just(AT),
    updated_at=st.just(AT),
    content=contents,
    variants=st.lists(variants, max_size=3).map(tuple),
    legacy_package_ref=st.none() | st.integers(1, 999),
)


@given(items, instants, st.booleans())
def test_what_is_frozen_is_served_as_the_editor_had_it(item: EditorItem, at: datetime, with_content: bool) -> None:
    text = payload_text([frozen_json(item)], job=JOB, at=AT)
    [frozen] = payload_items(text)
    part = evolve(active_part(item), legacy_package_ref=item.legacy_package_id)
    assert entry_json(entry_from(frozen), at, with_content=with_content) == entry_json(
        entry_of(part), at, with_content=with_content
    )


@given(items)
def test_a_frozen_item_is_the_editors_item_and_little_more(item: EditorItem) -> None:
    frozen, shown = frozen_json(item), editor_json(active_part(item))
    assert list(frozen) == [*shown, "legacyPackageId"]
    for variant in frozen["variants"]:
        for rate in variant["rates"]:
            del rate["validFrom"], rate["validTo"]
    assert {**frozen, "legacyPackageId": None} == {**shown, "legacyPackageId": None}


@given(st.lists(items, max_size=3))
def test_a_payload_is_text_with_its_checksum(those: list[EditorItem]) -> None:
    made = [frozen_json(item) for item in those]
    text = payload_text(made, job=JOB, at=AT)
    payload = json.loads(text)
    assert list(payload) == ["payloadVersion", "generatedAt", "jobId", "items"]
    assert (payload["payloadVersion"], payload["generatedAt"], payload["jobId"]) == (
        "v1",
        "2026-06-01T00:00:00.000Z",
        str(JOB),
    )
    assert payload["items"] == made
    assert text.startswith('{\n  "payloadVersion": "v1",\n')
    assert text.endswith("}\n")
    assert payload_checksum(text) == sha256(text.encode()).hexdigest()
    assert payload_text(payload_items(text), job=JOB, at=AT) == text


def test_the_path_of_a_snapshot_is_no_place_on_a_disk() -> None:
    assert snapshot_path(JOB) == f"catalog/v1/{JOB}.json"


reviews = st.dictionaries(st.integers(1, 5).map(lambda number: UUID(int=number)), st.booleans(), max_size=5)
actives = st.sets(st.integers(1, 5).map(lambda number: UUID(int=number)))


@given(reviews, actives, st.integers(1, 5), st.integers(0, 5))
def test_a_payload_is_published_exactly_when_nothing_speaks_against_it(
    reviewed: dict[UUID, bool], active_now: set[UUID], version: int, newest: int
) -> None:
    withdrawn = tuple(key for key, was in reviewed.items() if not was or key not in active_now)
    refused = refuse_payload(reviewed.items(), active_now=active_now, version=version, newest=newest)
    if not reviewed:
        assert refused == EmptyPayload()
    elif withdrawn:
        assert refused == ItemsNotActive(withdrawn)
    elif version <= newest:
        assert refused == Superseded(version, newest)
    else:
        assert refused is None


def test_a_review_is_the_reviewers_as_long_as_nothing_has_changed() -> None:
    same, other = [{"itemId": "1"}], [{"itemId": "2"}]
    assert reviewer_of(reviewed=same, frozen_now=list(same), reviewer="budi", actor="ayu") == "budi"
    assert reviewer_of(reviewed=same, frozen_now=other, reviewer="budi", actor="ayu") == "ayu"
    assert reviewer_of(reviewed=None, frozen_now=[], reviewer="budi", actor="ayu") == "ayu"
    assert reviewer_of(reviewed=same, frozen_now=same, reviewer=None, actor="ayu") == "ayu"


@given(st.lists(items, max_size=3), instants, instants)
def test_between_two_turning_points_nothing_that_is_served_changes(
    those: list[EditorItem], one: datetime, other: datetime
) -> None:
    entries = [entry_of(item) for item in those]
    early, late = sorted((one, other))
    turns = turning_points(entries)
    assert list(turns) == sorted(set(turns))
    if not any(early < turn <= late for turn in turns):
        for entry in entries:
            assert entry_json(entry, early, with_content=False) == entry_json(entry, late, with_content=False)


@given(items, st.text(min_size=1, max_size=3))
def test_a_search_finds_parts_of_texts_in_any_letter_case(item: EditorItem, text: str) -> None:
    said = (item.name, item.slug, item.shown_description)
    assert finds(entry_of(item), text) == any(text.casefold() in one.casefold() for one in said)
    assert not finds(entry_of(evolve(item, name="a", slug="b", description="c")), "%")
    assert finds(entry_of(evolve(item, name="100% Ubud")), "% ubu")


def test_only_what_holds_in_the_variants_currency_is_shown_with_its_currency() -> None:
    def rate(number: int, price: str, **other: Any) -> EditorRate:
        return evolve(
            EditorRate(key=UUID(int=number), traveller="ADULT", currency="USD", price=Decimal(price)), **other
        )

    variant = EditorVariant(
        key=UUID(int=1),
        code="STD",
        name="Standard",
        duration_days=1,
        currency="USD",
        is_default=True,
        is_active=True,
        updated_at=AT,
        rates=(
            rate(1, "50.00", min_quantity=2),
            rate(2, "40.00", currency="EUR"),
            rate(3, "30.00", valid_to=AT),
            rate(4, "20.00", valid_from=AT + timedelta(microseconds=1)),
            rate(5, "10.00", is_active=False),
            rate(6, "60.00", traveller="SENIOR"),
        ),
    )
    item = EditorItem(
        key=UUID(int=2),
        slug="s",
        name="n",
        description=None,
        is_active=True,
        is_featured=False,
        created_at=AT,
        updated_at=AT,
        variants=(variant,),
    )
    for entry in (entry_of(item), entry_from(frozen_json(item))):
        [shown] = entry_json(entry, AT, with_content=False)["variants"]
        assert shown["rates"] == [
            {"travelerType": "ADULT", "price": 50.0, "currency": "USD", "minQuantity": 2, "maxQuantity": None},
            {"travelerType": "SENIOR", "price": 60.0, "currency": "USD", "minQuantity": None, "maxQuantity": None},
        ]
