"""What every mapping desk must do when many want something of it at once."""

import asyncio
from uuid import uuid4

from attrs import evolve

from bst_application.ports.mappings import (
    Entity,
    MappingFilter,
)
from bst_application.use_cases.mapping_steps import MappedOtherwise
from bst_application.use_cases.mappings import (
    MappingPatch,
    Written,
)
from bst_application.use_cases.unmapped import Resolved
from bst_application.use_cases.unmapped_targets import Target
from bst_domain.booking import PackageRef, PackageRefType
from bst_domain.lifecycles import NotAllowed
from bst_domain.values import BookingIdentity, ExternalRef
from bst_testing.conformance.booking_store import accept, loaded, processing
from bst_testing.conformance.failing_save import Meanwhile
from bst_testing.conformance.repair import AYU
from bst_testing.deliveries import body
from bst_testing.mapping_acts import (
    HOTEL,
    PACKAGE_7,
    M,
    MappingStorage,
    MappingSuite,
    S,
    book,
    change,
    create,
    refold,
    resolve,
    shown,
    waiting,
    wanted,
    written,
)


class MappingRaces(MappingSuite):
    """Part of MappingDeskConformance."""

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
