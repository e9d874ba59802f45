"""What every mapping desk must do for the bookings of a package that waits for a mapping, or has lost it. Source: semantics 7."""

from uuid import UUID, uuid4

import pytest
from attrs import evolve

from bst_application.ports.mappings import (
    Entity,
)
from bst_application.use_cases.mappings import (
    MappingPatch,
    Written,
)
from bst_application.use_cases.refold_packages import BATCH, Refolded
from bst_application.use_cases.unmapped import Resolved, StatusChanged
from bst_application.use_cases.unmapped_targets import Target
from bst_domain.booking import PackageRef, PackageRefType
from bst_testing.conformance.booking_store import accept, loaded, processing
from bst_testing.conformance.repair import AYU
from bst_testing.deliveries import body
from bst_testing.mapping_acts import (
    LATER,
    PACKAGE_7,
    M,
    MappingStorage,
    MappingSuite,
    S,
    book,
    change,
    create,
    judge,
    refold,
    resolve,
    shown,
    waiting,
    wanted,
    written,
)


class WaitingPackages(MappingSuite):
    """Part of MappingDeskConformance."""

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
