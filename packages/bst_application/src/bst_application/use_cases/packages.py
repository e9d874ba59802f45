"""What channel mappings make of the packages of bookings, for whoever folds them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import evolve

from bst_domain.booking import BookingFacts, OpsInputs, PackageRef, package_reference
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
    return {identity: mapped[reference] for identity, reference in named.items() if reference in mapped}


def with_package(ops: OpsInputs, package: PackageRef | None) -> OpsInputs:
    """The same, with what a mapping says of the package now."""
    return ops if ops.package == package else evolve(ops, package=package)
