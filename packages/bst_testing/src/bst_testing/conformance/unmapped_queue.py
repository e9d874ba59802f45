"""What every mapping desk must do with what waits for a person: judging it, and resolving it by hand. Source: semantics 7."""

from uuid import uuid4

from attrs import evolve

from bst_application.ports.mappings import (
    Entity,
    SourceRow,
    UnmappedEntry,
    UnmappedFilter,
)
from bst_application.ports.reading import Position
from bst_application.use_cases.mapping_steps import MappedOtherwise, UnknownReference
from bst_application.use_cases.unmapped import EntryNotFound, Resolved, ResolveMany, StatusChanged
from bst_application.use_cases.unmapped_targets import NotMappable, Target
from bst_domain.booking import PackageRef, PackageRefType
from bst_domain.lifecycles import UNMAPPED, NotAllowed
from bst_domain.values import ChannelReference, Source
from bst_testing.conformance.event_log import accepting
from bst_testing.conformance.repair import AYU
from bst_testing.deliveries import NOW, body, delivery
from bst_testing.mapping_acts import (
    HOTEL,
    LATER,
    PACKAGE_7,
    M,
    MappingStorage,
    MappingSuite,
    S,
    book,
    judge,
    resolve,
    waiting,
    wanted,
    written,
)


class UnmappedQueue(MappingSuite):
    """Part of MappingDeskConformance."""

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
