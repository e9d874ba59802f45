"""Laws of packages: facts keep the channel's word, a mapping changes what is shown and nothing else."""

from datetime import UTC, date, datetime
from functools import reduce
from uuid import UUID

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import (
    ADMIN_PACKAGE_KIND,
    NOTHING,
    PACKAGE_ENTITIES,
    PACKAGE_KINDS,
    PACKAGE_REF_KIND,
    SHOP_CHANNEL,
    SHOP_PACKAGE_KIND,
    SHOP_VARIANT_KIND,
    BookingFacts,
    Evidence,
    Fact,
    Field,
    OpsInputs,
    PackageRef,
    PackageRefType,
    Reason,
    facts_from_document,
    facts_to_document,
    looked_up_as,
    merge,
    package_reference,
    project,
    shown_package,
    shown_through,
)
from bst_domain.values import ChannelReference, EventType, Source
from bst_testing.strategies import fact_lists, ops_inputs, today

refs = st.builds(
    PackageRef,
    st.sampled_from(list(PackageRefType)),
    st.none() | st.uuids(),
    st.sampled_from([None, 7, 8]),
)
mapped = st.builds(PackageRef, st.sampled_from(PACKAGE_ENTITIES), st.uuids(), st.sampled_from([7, 8]))


@given(fact_lists, ops_inputs, today)
def test_a_mapping_changes_the_package_and_its_reason_and_nothing_else(
    said: list[BookingFacts], ops: OpsInputs, day: date
) -> None:
    facts = reduce(merge, said, NOTHING)
    with_it, without = project(facts, ops, day), project(facts, evolve(ops, package=None), day)
    reasons = tuple(reason for reason in without.reasons if reason in with_it.reasons)
    assert evolve(without, package=with_it.package, reasons=reasons) == with_it
    assert set(without.reasons) - set(with_it.reasons) <= {Reason.UNMAPPED_PACKAGE}
    waits = with_it.package is not None and with_it.package.key is None
    assert (Reason.UNMAPPED_PACKAGE in with_it.reasons) is waits


@given(refs, mapped)
def test_a_mapping_counts_for_the_number_that_it_was_looked_up_by_and_for_no_other(
    said: PackageRef, by_mapping: PackageRef
) -> None:
    shown = shown_package(said, by_mapping)
    if said.key is None and said.legacy_id == by_mapping.legacy_id:
        assert shown == by_mapping
    else:
        assert shown == said
    assert shown_package(said, None) == said
    assert shown_package(None, by_mapping) is None


@given(fact_lists)
def test_a_booking_waits_under_its_own_channel_and_number_until_it_names_an_entity(said: list[BookingFacts]) -> None:
    facts = reduce(merge, said, NOTHING)
    reference = package_reference("GYG", facts)
    fact = facts.registers.get(Field.PACKAGE)
    named = fact is not None and fact.value == PackageRef(PackageRefType.LEGACY_PACKAGE, None, 7)
    assert reference == (ChannelReference("GYG", PACKAGE_REF_KIND, "7") if named else None)


def test_a_package_without_a_number_cannot_be_mapped() -> None:
    nothing = PackageRef(PackageRefType.LEGACY_PACKAGE, None, None)
    variant = PackageRef(PackageRefType.CATALOG_VARIANT, UUID(int=1), 7)
    assert shown_package(nothing, variant) == nothing


references = st.builds(
    ChannelReference, st.sampled_from(Source), st.sampled_from(sorted(PACKAGE_KINDS)), st.sampled_from(["7", "8"])
)


@given(references, references)
def test_a_mapping_reaches_exactly_the_packages_that_look_it_up(
    mapping: ChannelReference, package: ChannelReference
) -> None:
    assert (package in shown_through(mapping)) == (mapping in looked_up_as(package))


@given(references)
def test_the_shops_numbers_are_not_the_old_admins(package: ChannelReference) -> None:
    kinds = {mapping.kind for mapping in looked_up_as(package)}
    assert not {SHOP_PACKAGE_KIND, ADMIN_PACKAGE_KIND} <= kinds


def test_a_live_event_and_a_moved_in_row_of_the_shop_look_the_same_up() -> None:
    live = ChannelReference(SHOP_CHANNEL, PACKAGE_REF_KIND, "7")
    moved_in = ChannelReference(SHOP_CHANNEL, SHOP_PACKAGE_KIND, "7")
    assert looked_up_as(live) == looked_up_as(moved_in) == (live, moved_in)


def test_a_variant_is_not_looked_up_by_its_packages_number() -> None:
    item = PackageRef(PackageRefType.LEGACY_PACKAGE, None, 7, f"{SHOP_VARIANT_KIND}:31")
    evidence = Evidence(
        event_id=UUID(int=1),
        event_time=datetime(2026, 3, 1, tzinfo=UTC),
        source="DIRECT",
        event_type=EventType.CREATED,
        origin=0,
    )
    facts = BookingFacts(registers={Field.PACKAGE: Fact(item, 0, evidence)}, first=evidence)
    assert package_reference("DIRECT", facts) == ChannelReference("DIRECT", SHOP_VARIANT_KIND, "31")
    assert facts_from_document(facts_to_document(facts)) == facts
