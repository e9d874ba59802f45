"""What every mapping desk must do, told through the use cases. Source of the rules: semantics 7, deviations (mappings)."""

import asyncio
from datetime import timedelta
from typing import Protocol
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import StoredBooking
from bst_application.ports.mappings import (
    ChannelMapping,
    Entity,
    MappingDesk,
    MappingFilter,
    SourceRow,
    UnmappedEntry,
    UnmappedFilter,
)
from bst_application.ports.reading import Position
from bst_application.use_cases.mapping_steps import MappedOtherwise, UnknownReference
from bst_application.use_cases.mappings import (
    ChangeMapping,
    CreateMapping,
    MappingNotFound,
    MappingPatch,
    NewMapping,
    Written,
)
from bst_application.use_cases.refold_packages import BATCH, Refolded, RefoldPackages
from bst_application.use_cases.unmapped import (
    ChangeUnmappedStatus,
    EntryNotFound,
    NotMappable,
    Resolved,
    ResolveMany,
    ResolveUnmapped,
    StatusChanged,
    Target,
)
from bst_domain.booking import PackageRef, PackageRefType, Reason
from bst_domain.lifecycles import UNMAPPED, MappingStatus, NotAllowed, UnmappedStatus
from bst_domain.values import BookingIdentity, ChannelReference, ExternalRef, Source
from bst_testing.conformance.booking_store import BookingStorage, accept, loaded, processing
from bst_testing.conformance.event_log import accepting
from bst_testing.conformance.failing_save import Meanwhile
from bst_testing.conformance.repair import AYU
from bst_testing.deliveries import NOW, body, delivery

LATER = timedelta(minutes=1)
S, M = UnmappedStatus, MappingStatus
PACKAGE_7 = ChannelReference("GYG", "LEGACY_PACKAGE_ID", "7")
HOTEL = ChannelReference("GYG", "HOTEL_ID", "h-1")
MANUAL = SourceRow(system="manual", table="manual_mapping", pk="x")


class MappingStorage(BookingStorage, MappingDesk, Protocol):
    """A mapping desk beside the log and the bookings."""


def wanted(
    entity_key: UUID, reference: ChannelReference = HOTEL, entity_type: str = "HOTEL", status: MappingStatus = M.MAPPED
) -> NewMapping:
    return NewMapping(
        entity_type=entity_type,
        reference=reference,
        entity_key=entity_key,
        status=status,
        source=MANUAL,
        reason="MANUAL_REVIEW",
    )


def create(storage: MappingDesk, at: timedelta = LATER) -> CreateMapping:
    return CreateMapping(desk=storage, now=lambda: NOW + at, new_id=uuid7)


def change(storage: MappingDesk, at: timedelta = LATER) -> ChangeMapping:
    return ChangeMapping(desk=storage, now=lambda: NOW + at, new_id=uuid7)


def judge(storage: MappingDesk, at: timedelta = LATER) -> ChangeUnmappedStatus:
    return ChangeUnmappedStatus(desk=storage, now=lambda: NOW + at)


def resolve(storage: MappingDesk, at: timedelta = LATER) -> ResolveUnmapped:
    return ResolveUnmapped(desk=storage, now=lambda: NOW + at, new_id=uuid7)


def refold(storage: MappingStorage, at: timedelta = LATER) -> RefoldPackages:
    return RefoldPackages(desk=storage, store=storage, now=lambda: NOW + at)


async def written(storage: MappingDesk, mapping: NewMapping, at: timedelta = LATER) -> ChannelMapping:
    outcome = await create(storage, at)(mapping, replace=False, by=AYU)
    assert isinstance(outcome, Written)
    return outcome.mapping


async def waiting(storage: MappingDesk) -> list[UnmappedEntry]:
    return await storage.entries(UnmappedFilter(waiting=True), after=None, limit=99)


async def book(storage: MappingStorage, *refs: str, package: int = 7, source: str = "GYG") -> list[BookingIdentity]:
    """Bookings of a package that the channel names by its number."""
    part = {"tourDate": "2031-05-01", "adult": 2, "currency": "USD", "totalPrice": 10, "legacyPackageId": package}
    ids = await accept(storage, *(body(ref=ref, source=source, booking=part) for ref in refs))
    await processing(storage)(ids)
    return [BookingIdentity(source, ExternalRef(ref)) for ref in refs]


def shown(booking: StoredBooking) -> tuple[bool, PackageRef | None]:
    """Whether it waits for a mapping, and what a mapping has made of its package."""
    return Reason.UNMAPPED_PACKAGE in booking.statuses.reasons, booking.ops.package


class MappingDeskConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, ``audited`` and ``add_entity``."""

    @pytest.fixture
    def storage(self) -> MappingStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: MappingStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def add_entity(self, storage: MappingStorage, kind: Entity) -> UUID:
        """A new product or variant."""
        raise NotImplementedError("a subclass adds it")

    async def add_entry(self, storage: MappingStorage, entry: UnmappedEntry) -> None:
        """An entry as an older system left it."""
        async with storage.mapping_change() as tx:
            await tx.put(entry)

    # Mappings

    async def test_the_same_mapping_again_is_the_same_mapping(self, storage: MappingStorage) -> None:
        hotel = uuid4()
        first = await written(storage, wanted(hotel))
        second = await written(storage, wanted(hotel), LATER * 2)
        assert second == evolve(first, updated_at=NOW + LATER * 2)
        assert await storage.mappings(MappingFilter(), after=None, limit=9) == [second]
        assert [(entry.event_type, entry.actor, entry.request_id) for entry in await self.audited(storage)] == [
            ("CHANNEL_MAPPING_CREATED", AYU.actor, AYU.request_id),
            ("CHANNEL_MAPPING_UPDATED", AYU.actor, AYU.request_id),
        ]

    async def test_a_reference_is_not_re_pointed_unless_asked_for(self, storage: MappingStorage) -> None:
        first, hotel = await written(storage, wanted(uuid4())), uuid4()
        assert await create(storage)(wanted(hotel), replace=False, by=AYU) == MappedOtherwise(first)
        assert await storage.mapping_with(first.key) == first
        replaced = await create(storage)(wanted(hotel), replace=True, by=AYU)
        assert isinstance(replaced, Written)
        assert (replaced.mapping.key, replaced.mapping.entity_key) == (first.key, hotel)
        [_, entry] = await self.audited(storage)
        assert entry.metadata["before"]["entityKey"] == str(first.entity_key)
        assert entry.metadata["after"]["entityKey"] == str(hotel)

    async def test_an_unknown_channel_has_no_mappings(self, storage: MappingStorage) -> None:
        klook = evolve(HOTEL, channel="KLOOK")
        assert await create(storage)(wanted(uuid4(), klook), replace=False, by=AYU) == UnknownReference("channelCode")
        mapping = await written(storage, wanted(uuid4()))
        changed = await change(storage)(mapping.key, MappingPatch(channel="KLOOK"), by=AYU)
        assert changed == UnknownReference("channelCode")
        assert len(await self.audited(storage)) == 1

    @pytest.mark.parametrize("status", list(M))
    async def test_a_status_is_stored_as_it_was_said_and_the_queue_follows(
        self, storage: MappingStorage, status: MappingStatus
    ) -> None:
        mapping = await written(storage, wanted(uuid4(), status=status))
        assert mapping.status is status
        assert await storage.mapping_with(mapping.key) == mapping
        queued = {M.MAPPED: [], M.UNMAPPED: [S.OPEN], M.REVIEW_REQUIRED: [S.IN_REVIEW]}
        assert [entry.status for entry in await waiting(storage)] == queued[status]
        for entry in await waiting(storage):
            assert (entry.type, entry.reference, entry.entity_type) == ("CHANNEL_MAPPING", HOTEL, "HOTEL")
            assert (entry.source, entry.reason_code) == (MANUAL, "MANUAL_REVIEW")

    async def test_a_reference_in_doubt_waits_once_until_it_is_mapped(self, storage: MappingStorage) -> None:
        hotel = uuid4()
        for status in (M.UNMAPPED, M.REVIEW_REQUIRED, M.UNMAPPED):
            await written(storage, wanted(hotel, status=status))
        [entry] = await waiting(storage)
        await written(storage, wanted(hotel))
        settled = await storage.entry_with(entry.key)
        assert settled is not None
        assert (settled.status, settled.resolved_by, settled.resolved_at) == (S.RESOLVED, AYU.actor, NOW + LATER)
        await written(storage, wanted(hotel, status=M.UNMAPPED))
        [again] = await waiting(storage)
        assert again.key != entry.key  # what was settled is not opened again

    async def test_a_patch_changes_what_it_has(self, storage: MappingStorage) -> None:
        mapping = await written(storage, wanted(uuid4()))
        assert await change(storage)(mapping.key, MappingPatch(), by=AYU) == Written(mapping)
        patch = MappingPatch(ref="h-2", status=M.REVIEW_REQUIRED, source_system="sheet")
        changed = await change(storage, LATER * 2)(mapping.key, patch, by=AYU)
        assert isinstance(changed, Written)
        assert changed.mapping == evolve(
            mapping,
            reference=evolve(HOTEL, ref="h-2"),
            status=M.REVIEW_REQUIRED,
            source=evolve(MANUAL, system="sheet"),
            updated_at=NOW + LATER * 2,
        )
        assert await storage.mapping_with(mapping.key) == changed.mapping
        assert await change(storage)(uuid4(), patch, by=AYU) == MappingNotFound()
        assert [entry.event_type for entry in await self.audited(storage)] == [
            "CHANNEL_MAPPING_CREATED",
            "CHANNEL_MAPPING_UPDATED",
            "UNMAPPED_STATUS_UPDATED",
        ]

    async def test_a_patch_takes_no_reference_from_another_mapping(self, storage: MappingStorage) -> None:
        first = await written(storage, wanted(uuid4()))
        second = await written(storage, wanted(uuid4(), evolve(HOTEL, ref="h-2")))
        assert await change(storage)(second.key, MappingPatch(ref="h-1"), by=AYU) == MappedOtherwise(first)
        assert await storage.mapping_with(second.key) == second

    async def test_pages_of_mappings_have_no_gaps_and_no_repeats(self, storage: MappingStorage) -> None:
        made = [await written(storage, wanted(uuid4(), evolve(HOTEL, ref=str(n))), LATER * (n // 2)) for n in range(5)]
        await written(storage, wanted(uuid4(), evolve(HOTEL, channel="BOKUN")), LATER * 9)
        of_gyg = MappingFilter(channel="GYG", entity_type="HOTEL")
        seen: list[ChannelMapping] = []
        after = None
        while page := await storage.mappings(of_gyg, after=after, limit=2):
            seen += page
            after = Position(at=page[-1].updated_at, key=page[-1].key)
        assert seen == sorted(made, key=lambda one: (one.updated_at, one.created_at, one.key), reverse=True)
        assert await storage.mappings(MappingFilter(entity_type="BOOKING"), after=None, limit=9) == []

    # The queue

    async def test_entries_move_by_the_table_and_say_who_when_and_why(self, storage: MappingStorage) -> None:
        await written(storage, wanted(uuid4(), status=M.UNMAPPED))
        [entry] = await waiting(storage)
        current = S.OPEN
        for step, to in enumerate(
            (S.OPEN, S.IN_REVIEW, S.OPEN, S.IN_REVIEW, S.RESOLVED, S.IN_REVIEW, S.CLOSED, S.OPEN)
        ):
            outcome = await judge(storage, LATER * step)(entry.key, to, reason=f"step {step}", by=AYU)
            refused = UNMAPPED.refuse(current, to)
            if refused is not None:
                assert outcome == refused
                continue
            current = to
            assert isinstance(outcome, StatusChanged)
            assert await storage.entry_with(entry.key) == outcome.entry
            moved, settled = outcome.entry, to in {S.RESOLVED, S.CLOSED}
            who = (AYU.actor, NOW + LATER * step, f"step {step}") if settled else (None, None, None)
            assert (moved.status, moved.resolved_by, moved.resolved_at, moved.resolution) == (to, *who)
        trail = [e for e in await self.audited(storage) if e.event_type == "UNMAPPED_STATUS_UPDATED"]
        assert [entry.metadata["status"] for entry in trail] == ["IN_REVIEW", "OPEN", "IN_REVIEW", "RESOLVED", "CLOSED"]
        assert {(entry.resource_type, entry.resource_id) for entry in trail} == {("UNMAPPED_ENTRY", str(entry.key))}
        assert await judge(storage)(uuid4(), S.CLOSED, reason=None, by=AYU) == EntryNotFound()

    async def test_a_mapping_follows_the_entry_that_waits_for_it(self, storage: MappingStorage) -> None:
        mapping = await written(storage, wanted(uuid4(), status=M.UNMAPPED))
        [entry] = await waiting(storage)
        for to, status in (
            (S.IN_REVIEW, M.REVIEW_REQUIRED),
            (S.OPEN, M.UNMAPPED),
            (S.RESOLVED, M.MAPPED),
            (S.CLOSED, M.MAPPED),
        ):
            await judge(storage)(entry.key, to, reason=None, by=AYU)
            now = await storage.mapping_with(mapping.key)
            assert now is not None
            assert now.status is status

    async def test_a_conflict_of_ingest_is_listed_and_workable(self, storage: MappingStorage) -> None:
        await accepting(storage)([delivery(body(customer={"name": "José Núñez"}), "key-1")])
        await accepting(storage)([delivery(body(ref="WEB-2", customer={"name": "José Núñez"}), "key-1")])
        [entry] = await storage.entries(UnmappedFilter(type="INGEST_CONFLICT"), after=None, limit=9)
        assert (entry.status, entry.channel, entry.reason_code) == (S.OPEN, "DIRECT", "IDEMPOTENCY_KEY_REUSED")
        assert "José" not in repr(entry)
        refused = await resolve(storage)(entry.key, Target(entity_key=uuid4()), reason="x", by=AYU)
        assert refused == NotMappable("INGEST_CONFLICT")
        closed = await judge(storage)(entry.key, S.CLOSED, reason="the shop has mended it", by=AYU)
        assert isinstance(closed, StatusChanged)
        assert await waiting(storage) == []

    async def test_entries_are_filtered_counted_and_paged(self, storage: MappingStorage) -> None:
        for number in range(5):
            reference = evolve(HOTEL, ref=str(number), channel="GYG" if number % 2 else "BOKUN")
            await written(storage, wanted(uuid4(), reference, status=M.UNMAPPED), LATER * (number // 2))
        seen: list[UnmappedEntry] = []
        after = None
        while page := await storage.entries(UnmappedFilter(), after=after, limit=2):
            seen += page
            after = Position(at=page[-1].created_at, key=page[-1].key)
        assert [entry.ref for entry in seen if entry.created_at == NOW] == ["1", "0"]
        assert len(seen) == len({entry.key for entry in seen}) == 5
        await judge(storage)(seen[0].key, S.CLOSED, reason=None, by=AYU)
        for wanted_entries, count in (
            (UnmappedFilter(channel="GYG"), 2),
            (UnmappedFilter(status=S.CLOSED), 1),
            (UnmappedFilter(waiting=True), 4),
            (UnmappedFilter(waiting=False), 1),
            (UnmappedFilter(type="PRODUCT_MAPPING"), 0),
            (UnmappedFilter(reason_code="MANUAL_REVIEW", ref_kind="HOTEL_ID", ref="3"), 1),
        ):
            assert await storage.count_entries(wanted_entries) == count
            assert len(await storage.entries(wanted_entries, after=None, limit=9)) == count

    # Resolving, and the bookings that wait

    async def test_a_package_that_nobody_mapped_waits_once(self, storage: MappingStorage) -> None:
        one, two = await book(storage, "A-1", "A-2")
        await book(storage, "B-1", source="BOKUN")
        assert shown(await loaded(storage, one)) == shown(await loaded(storage, two)) == (True, None)
        entries = {entry.channel: entry for entry in await waiting(storage)}
        assert entries.keys() == {"GYG", "BOKUN"}
        entry = entries["GYG"]
        assert (entry.type, entry.reason_code, entry.reference) == ("CHANNEL_MAPPING", "UNMAPPED_PACKAGE", PACKAGE_7)
        await judge(storage)(entry.key, S.CLOSED, reason="not ours", by=AYU)
        await book(storage, "A-3")
        assert [left.channel for left in await waiting(storage)] == ["BOKUN"]  # nobody is asked twice

    @pytest.mark.parametrize("kind", [Entity.CATALOG_VARIANT, Entity.CATALOG_PRODUCT])
    async def test_resolving_maps_and_the_bookings_that_waited_show_it(
        self, storage: MappingStorage, kind: Entity
    ) -> None:
        identities = await book(storage, "A-1", "A-2")
        [other] = await book(storage, "A-3", package=8)
        before = [await loaded(storage, identity) for identity in identities]
        entity = await self.add_entity(storage, kind)
        [entry] = [one for one in await waiting(storage) if one.ref == "7"]
        outcome = await resolve(storage)(entry.key, Target(entity_key=entity), reason="the sunrise trek", by=AYU)
        assert isinstance(outcome, Resolved)
        assert (outcome.entry.status, outcome.entry.resolved_by, outcome.entry.resolution) == (
            S.RESOLVED,
            AYU.actor,
            "the sunrise trek",
        )
        assert (outcome.mapping.reference, outcome.mapping.entity_key) == (PACKAGE_7, entity)
        assert (outcome.mapping.entity_type, outcome.mapping.status) == (kind, M.MAPPED)
        assert outcome.refold == (PACKAGE_7,)
        assert await refold(storage).at_once(PACKAGE_7, batches=1) == Refolded(2, done=True)
        package = PackageRef(PackageRefType(kind), entity, 7)
        for identity, was in zip(identities, before, strict=True):
            now = await loaded(storage, identity)
            assert shown(now) == (False, package)
            assert (now.version, now.facts) == (was.version + 1, was.facts)
        assert shown(await loaded(storage, other)) == (True, None)
        assert await refold(storage)() == 0

    async def test_bookings_that_come_later_find_the_mapping(self, storage: MappingStorage) -> None:
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        await written(storage, wanted(variant, PACKAGE_7, "CATALOG_VARIANT"))
        [identity] = await book(storage, "A-1")
        package = PackageRef(PackageRefType.CATALOG_VARIANT, variant, 7)
        assert shown(await loaded(storage, identity)) == (False, package)
        assert await waiting(storage) == []
        ids = await accept(
            storage, body("UPDATED", ref="A-1", source="GYG", at="2026-03-02T00:00:00Z", booking={"adult": 3})
        )
        await processing(storage)(ids)
        assert shown(await loaded(storage, identity)) == (False, package)
        moved = {"legacyPackageId": 9}
        ids = await accept(storage, body("UPDATED", ref="A-1", source="GYG", at="2026-03-03T00:00:00Z", booking=moved))
        await processing(storage)(ids)
        assert shown(await loaded(storage, identity)) == (True, None)
        assert [entry.ref for entry in await waiting(storage)] == ["9"]

    async def test_a_variant_goes_before_its_product_and_only_what_is_there_counts(
        self, storage: MappingStorage
    ) -> None:
        product = await self.add_entity(storage, Entity.CATALOG_PRODUCT)
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        [identity] = await book(storage, "A-1")

        async def after_mapping(entity: UUID, kind: str) -> PackageRef | None:
            outcome = await create(storage)(wanted(entity, PACKAGE_7, kind), replace=True, by=AYU)
            assert isinstance(outcome, Written)
            await refold(storage).at_once(PACKAGE_7, batches=1)
            return (await loaded(storage, identity)).ops.package

        assert await after_mapping(uuid4(), "CATALOG_VARIANT") is None
        assert await after_mapping(product, "CATALOG_PRODUCT") == PackageRef(PackageRefType.CATALOG_PRODUCT, product, 7)
        assert await after_mapping(variant, "CATALOG_VARIANT") == PackageRef(PackageRefType.CATALOG_VARIANT, variant, 7)

    async def test_a_mapping_that_is_taken_back_leaves_its_bookings_waiting(self, storage: MappingStorage) -> None:
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        mapping = await written(storage, wanted(variant, PACKAGE_7, "CATALOG_VARIANT"))
        [identity] = await book(storage, "A-1")
        outcome = await change(storage)(mapping.key, MappingPatch(status=M.REVIEW_REQUIRED), by=AYU)
        assert isinstance(outcome, Written)
        assert outcome.refold == (PACKAGE_7,)
        await refold(storage).at_once(PACKAGE_7, batches=1)
        assert shown(await loaded(storage, identity)) == (True, None)
        [entry] = await waiting(storage)
        assert (entry.status, entry.reference) == (S.IN_REVIEW, PACKAGE_7)
        moved = await change(storage)(mapping.key, MappingPatch(status=M.MAPPED, ref="8"), by=AYU)
        assert isinstance(moved, Written)
        assert moved.refold == (PACKAGE_7, evolve(PACKAGE_7, ref="8"))

    async def test_a_package_whose_mapping_moves_away_waits_again(self, storage: MappingStorage) -> None:
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        [identity] = await book(storage, "A-1")
        [asked] = await waiting(storage)
        mapping = await written(storage, wanted(variant, PACKAGE_7, "CATALOG_VARIANT"))
        await refold(storage)()
        assert await waiting(storage) == []
        for step, patch in enumerate((MappingPatch(ref="8"), MappingPatch(ref="7"), MappingPatch(entity_type="TOUR"))):
            assert isinstance(await change(storage, LATER * step)(mapping.key, patch, by=AYU), Written)
            await refold(storage)()
            waits, _ = shown(await loaded(storage, identity))
            entries = await waiting(storage)
            assert [(entry.reference, entry.reason_code) for entry in entries] == (
                [(PACKAGE_7, "UNMAPPED_PACKAGE")] if waits else []
            )
            assert waits is (step != 1)
            assert asked.key not in {entry.key for entry in entries}  # what was settled is not opened again

    async def test_a_mapping_that_leads_nowhere_leaves_the_package_waiting(self, storage: MappingStorage) -> None:
        [identity] = await book(storage, "A-1")
        for entity_type in ("CATALOG_VARIANT", "TOUR"):
            await written(storage, wanted(uuid4(), PACKAGE_7, entity_type))
            await refold(storage)()
            assert shown(await loaded(storage, identity)) == (True, None)
            assert [entry.reference for entry in await waiting(storage)] == [PACKAGE_7]

    async def test_the_entry_of_a_package_takes_the_mapping_in_doubt_along(self, storage: MappingStorage) -> None:
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        [identity] = await book(storage, "A-1")
        mapping = await written(storage, wanted(variant, PACKAGE_7, "CATALOG_VARIANT", M.REVIEW_REQUIRED))
        [entry] = await waiting(storage)
        assert (entry.entity_type, entry.status) == (None, S.IN_REVIEW)
        outcome = await judge(storage)(entry.key, S.RESOLVED, reason="seen", by=AYU)
        assert isinstance(outcome, StatusChanged)
        assert outcome.refold == (PACKAGE_7,)
        now = await storage.mapping_with(mapping.key)
        assert now is not None
        assert now.status is M.MAPPED
        await refold(storage)()
        assert shown(await loaded(storage, identity)) == (
            False,
            PackageRef(PackageRefType.CATALOG_VARIANT, variant, 7),
        )

    async def test_folding_again_goes_on_where_a_crash_left_it(self, storage: MappingStorage) -> None:
        identities = await book(storage, *(f"A-{number}" for number in range(BATCH + 1)))
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        [entry] = await waiting(storage)
        await resolve(storage)(entry.key, Target(entity_key=variant), reason="x", by=AYU)
        assert await refold(storage).at_once(PACKAGE_7, batches=1) == Refolded(BATCH, done=False)
        assert await refold(storage)() == 1
        assert await refold(storage)() == 0
        for identity in (identities[0], identities[-1]):
            assert shown(await loaded(storage, identity))[0] is False

    async def test_a_mapping_that_changes_meanwhile_is_folded_once_more(self, storage: MappingStorage) -> None:
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        await written(storage, wanted(variant, PACKAGE_7, "CATALOG_VARIANT"))
        under_way = await storage.refold_of(PACKAGE_7)
        assert under_way is not None
        await written(storage, wanted(variant, PACKAGE_7, "CATALOG_VARIANT"))
        await storage.advance(under_way, behind=None)
        await storage.advance(under_way, behind=uuid4())
        again = await storage.refold_of(PACKAGE_7)
        assert again is not None
        assert again.asked_at > under_way.asked_at
        assert again.behind is None

    async def test_a_resolution_names_what_is_there(self, storage: MappingStorage) -> None:
        await book(storage, "A-1")
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        [entry] = await waiting(storage)

        async def outcome(target: Target) -> object:
            return await resolve(storage)(entry.key, target, reason="x", by=AYU)

        assert await outcome(Target(entity_key=uuid4())) == UnknownReference("entityKey")
        product = Target(entity_key=variant, entity_type="CATALOG_PRODUCT")
        assert await outcome(product) == UnknownReference("entityKey")
        assert await outcome(Target(entity_key=variant, entity_type="BOOKING")) == UnknownReference("entityType")
        assert await outcome(Target(entity_key=variant, channel="BOKUN")) == UnknownReference("channelCode")
        assert await outcome(Target(entity_key=variant, ref="8")) == UnknownReference("externalRef")
        assert await resolve(storage)(uuid4(), Target(entity_key=variant), reason="x", by=AYU) == EntryNotFound()
        assert await self.audited(storage) == []
        assert isinstance(await outcome(Target(entity_key=variant)), Resolved)
        assert await outcome(Target(entity_key=variant)) == UNMAPPED.refuse(S.RESOLVED, S.RESOLVED)

    async def test_an_entry_of_an_older_system_is_completed_by_whoever_resolves_it(
        self, storage: MappingStorage
    ) -> None:
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        package = UnmappedEntry(
            key=uuid4(),
            type="VARIANT_MAPPING",
            channel=None,
            source=SourceRow(system="an-export", table="tour_packages", pk="7"),
            reason_code="NO_MATCH",
            reason_detail=None,
            status=S.OPEN,
            created_at=NOW,
            updated_at=NOW,
        )
        await self.add_entry(storage, package)
        refused = await resolve(storage)(package.key, Target(entity_key=variant), reason="x", by=AYU)
        assert refused == UnknownReference("channelCode")
        target = Target(entity_key=variant, channel="GYG")
        outcome = await resolve(storage)(package.key, target, reason="x", by=AYU)
        assert isinstance(outcome, Resolved)
        assert (outcome.mapping.reference, outcome.mapping.entity_type) == (PACKAGE_7, "CATALOG_VARIANT")
        assert outcome.mapping.source == package.source

    async def test_an_entry_of_the_catalog_bridge_is_resolved_for_every_channel(self, storage: MappingStorage) -> None:
        """The old admin's number, whatever channel its bookings came through; the shop's is another one."""
        product = await self.add_entity(storage, Entity.CATALOG_PRODUCT)
        waiting = UnmappedEntry(
            key=uuid4(),
            type="PRODUCT_MAPPING",
            channel=None,
            source=SourceRow(system="bstadmin", table="tour_packages", pk="7"),
            reason_code="NO_MATCH",
            reason_detail=None,
            status=S.OPEN,
            created_at=NOW,
            updated_at=NOW,
        )
        await self.add_entry(storage, waiting)
        made = await resolve(storage)(waiting.key, Target(entity_key=product), reason="x", by=AYU)
        assert isinstance(made, Resolved)
        assert made.mapping.reference == ChannelReference("MANUAL", "BSTADMIN_PACKAGE_ID", "7")
        mapped = PackageRef(PackageRefType.CATALOG_PRODUCT, product, 7)
        asked = [ChannelReference(channel, "LEGACY_PACKAGE_ID", "7") for channel in ("DIRECT", "GYG", "VIATOR")]
        async with storage.processing() as tx:
            assert await tx.mapped_packages(asked) == {asked[1]: mapped, asked[2]: mapped}

    async def test_a_mapping_that_holds_gives_way_only_where_that_is_asked_for(self, storage: MappingStorage) -> None:
        mapping = await written(storage, wanted(uuid4(), status=M.REVIEW_REQUIRED))
        [entry] = await waiting(storage)
        hotel = uuid4()
        settled = await resolve(storage)(entry.key, Target(entity_key=hotel), reason="x", by=AYU)
        assert isinstance(settled, Resolved)  # a mapping in doubt is what the entry asks about
        assert (settled.mapping.key, settled.mapping.entity_key) == (mapping.key, hotel)
        again = evolve(entry, key=uuid4(), type="PRODUCT_MAPPING", status=S.OPEN)
        await self.add_entry(storage, again)
        other = Target(entity_key=uuid4())
        assert await resolve(storage)(again.key, other, reason="x", by=AYU) == MappedOtherwise(settled.mapping)
        assert isinstance(await resolve(storage)(again.key, evolve(other, replace=True), reason="x", by=AYU), Resolved)

    async def test_many_are_resolved_one_by_one_and_a_dry_run_writes_nothing(self, storage: MappingStorage) -> None:
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        for source in (Source.GYG, Source.BOKUN):
            await book(storage, "A-1", source=source)
        targets = [(entry.key, Target(entity_key=variant)) for entry in await waiting(storage)]
        many = ResolveMany(resolve=resolve(storage))
        asked = [*targets, (uuid4(), Target(entity_key=variant))]
        for dry_run in (True, False):
            outcomes = await many(asked, reason="x", by=AYU, dry_run=dry_run)
            assert [type(outcome) for _, outcome in outcomes] == [Resolved, Resolved, EntryNotFound]
            assert bool(await self.audited(storage)) is not dry_run
            assert len(await waiting(storage)) == (2 if dry_run else 0)
        again = await many(asked[:1], reason="x", by=AYU, dry_run=False)
        assert isinstance(again[0][1], NotAllowed)

    # Many at once

    async def test_of_twenty_who_map_one_reference_at_once_one_wins(self, storage: MappingStorage) -> None:
        hotels = [uuid4() for _ in range(20)]
        made = create(storage)
        outcomes = await asyncio.gather(*(made(wanted(hotel), replace=False, by=AYU) for hotel in hotels))
        [winner] = [outcome for outcome in outcomes if isinstance(outcome, Written)]
        assert outcomes.count(MappedOtherwise(winner.mapping)) == 19
        assert await storage.mappings(MappingFilter(), after=None, limit=9) == [winner.mapping]
        assert len(await self.audited(storage)) == 1

    async def test_of_twenty_mappings_that_are_moved_to_one_reference_at_once_one_gets_there(
        self, storage: MappingStorage
    ) -> None:
        made = [await written(storage, wanted(uuid4(), evolve(HOTEL, ref=str(number)))) for number in range(20)]
        move = change(storage)
        outcomes = await asyncio.gather(*(move(one.key, MappingPatch(ref="same"), by=AYU) for one in made))
        [winner] = [outcome for outcome in outcomes if isinstance(outcome, Written)]
        assert outcomes.count(MappedOtherwise(winner.mapping)) == 19
        refs = [one.reference.ref for one in await storage.mappings(MappingFilter(), after=None, limit=99)]
        assert (len(refs), refs.count("same")) == (20, 1)

    async def test_twenty_patches_of_one_mapping_at_once_leave_what_the_last_one_said(
        self, storage: MappingStorage
    ) -> None:
        mapping, hotels = await written(storage, wanted(uuid4())), [uuid4() for _ in range(20)]
        patches = [MappingPatch(entity_key=hotel, ref=str(number % 3)) for number, hotel in enumerate(hotels)]
        outcomes = await asyncio.gather(*(change(storage)(mapping.key, patch, by=AYU) for patch in patches))
        assert all(isinstance(outcome, Written) for outcome in outcomes)
        now = await storage.mapping_with(mapping.key)
        assert now is not None
        last = (await self.audited(storage))[-1].metadata["after"]
        assert (str(now.entity_key), now.reference.ref) == (last["entityKey"], last["externalRef"])
        assert (now.entity_key, now.reference.ref) in {(patch.entity_key, patch.ref) for patch in patches}

    async def test_twenty_who_doubt_one_reference_at_once_leave_one_entry(self, storage: MappingStorage) -> None:
        hotel = uuid4()
        made = create(storage)
        statuses = [M.UNMAPPED, M.REVIEW_REQUIRED] * 10
        outcomes = await asyncio.gather(*(made(wanted(hotel, status=one), replace=False, by=AYU) for one in statuses))
        assert all(isinstance(outcome, Written) for outcome in outcomes)
        [mapping] = await storage.mappings(MappingFilter(), after=None, limit=9)
        [entry] = await waiting(storage)
        assert (mapping.status, entry.status) in {(M.UNMAPPED, S.OPEN), (M.REVIEW_REQUIRED, S.IN_REVIEW)}

    async def test_of_twenty_who_resolve_one_entry_at_once_one_wins(self, storage: MappingStorage) -> None:
        await book(storage, "A-1")
        variants = [await self.add_entity(storage, Entity.CATALOG_VARIANT) for _ in range(20)]
        [entry] = await waiting(storage)
        made = resolve(storage)
        outcomes = await asyncio.gather(
            *(made(entry.key, Target(entity_key=variant), reason="x", by=AYU) for variant in variants)
        )
        [winner] = [outcome for outcome in outcomes if isinstance(outcome, Resolved)]
        assert sum(isinstance(outcome, NotAllowed) for outcome in outcomes) == 19
        assert await storage.mappings(MappingFilter(), after=None, limit=9) == [winner.mapping]

    async def test_a_mapping_that_comes_while_a_booking_is_being_stored_reaches_it(
        self, storage: MappingStorage
    ) -> None:
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)

        async def mapping() -> None:
            await written(storage, wanted(variant, PACKAGE_7, "CATALOG_VARIANT"))
            await refold(storage).at_once(PACKAGE_7, batches=1)

        part = {"tourDate": "2031-05-01", "adult": 2, "legacyPackageId": 7}
        ids = await accept(storage, body(ref="A-1", source="GYG", booking=part))
        meanwhile = Meanwhile(storage, mapping)
        await processing(meanwhile)(ids)
        await meanwhile.over()
        booking = await loaded(storage, BookingIdentity("GYG", ExternalRef("A-1")))
        assert shown(booking) == (False, PackageRef(PackageRefType.CATALOG_VARIANT, variant, 7))

    async def test_no_booking_is_left_behind_by_a_mapping_that_comes_at_the_same_time(
        self, storage: MappingStorage
    ) -> None:
        variant = await self.add_entity(storage, Entity.CATALOG_VARIANT)
        made = create(storage)

        async def resolving() -> None:
            await made(wanted(variant, PACKAGE_7, "CATALOG_VARIANT"), replace=False, by=AYU)
            await refold(storage).at_once(PACKAGE_7, batches=9)

        refs = [f"A-{number}" for number in range(19)]
        await asyncio.gather(*(book(storage, ref) for ref in refs), resolving())
        for ref in refs:
            booking = await loaded(storage, BookingIdentity("GYG", ExternalRef(ref)))
            assert shown(booking) == (False, PackageRef(PackageRefType.CATALOG_VARIANT, variant, 7)), ref
