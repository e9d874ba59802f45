"""What channel mappings make of the packages of bookings, for whoever folds them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import evolve

from bst_domain.booking import BookingFacts, Field, OpsInputs, PackageRef, package_reference, shown
from bst_domain.values import BookingIdentity, ChannelReference


class KnowsMappings(Protocol):
    """A transaction that folds bookings."""

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        """See ``ProcessingTransaction``."""
        ...


async def packages_of(
    tx: KnowsMappings, facts: Mapping[BookingIdentity, BookingFacts]
) -> Mapping[BookingIdentity, PackageRef]:
    """What channel mappings make of the packages of these bookings; nothing is asked where none is named by a channel."""
    named = {
        identity: reference
        for identity, said in facts.items()
        if (reference := package_reference(identity.channel, said)) is not None
    }
    if not named:
        return {}
    mapped = await tx.mapped_packages(sorted(set(named.values())))
    return {
        identity: _numbered(mapped[reference], facts[identity])
        for identity, reference in named.items()
        if reference in mapped
    }


def _numbered(mapped: PackageRef, facts: BookingFacts) -> PackageRef:
    """With the number that the booking itself shows: a variant is looked up by another one."""
    said = shown(facts)[Field.PACKAGE].value
    assert isinstance(said, PackageRef)
    return mapped if mapped.legacy_id == said.legacy_id else evolve(mapped, legacy_id=said.legacy_id)


def with_package(ops: OpsInputs, package: PackageRef | None) -> OpsInputs:
    """The same, with what a mapping says of the package now."""
    return ops if ops.package == package else evolve(ops, package=package)
