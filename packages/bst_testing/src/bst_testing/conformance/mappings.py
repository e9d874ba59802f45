"""What every mapping desk must do, told through the use cases. Source of the rules: semantics 7, deviations (mappings)."""

from uuid import uuid4

import pytest
from attrs import evolve

from bst_application.ports.mappings import (
    ChannelMapping,
    MappingFilter,
)
from bst_application.ports.reading import Position
from bst_application.use_cases.mapping_steps import MappedOtherwise, UnknownReference
from bst_application.use_cases.mappings import (
    MappingNotFound,
    MappingPatch,
    Written,
)
from bst_domain.lifecycles import MappingStatus
from bst_testing.conformance.mapping_races import MappingRaces
from bst_testing.conformance.repair import AYU
from bst_testing.conformance.unmapped_queue import UnmappedQueue
from bst_testing.conformance.waiting_packages import WaitingPackages
from bst_testing.deliveries import NOW
from bst_testing.mapping_acts import (
    HOTEL,
    LATER,
    MANUAL,
    M,
    MappingStorage,
    S,
    change,
    create,
    waiting,
    wanted,
    written,
)


class MappingDeskConformance(UnmappedQueue, WaitingPackages, MappingRaces):
    """Subclass it, and give a ``storage`` fixture with nothing in it, ``audited`` and ``add_entity``."""

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
