"""What a mapping that settles an entry of the unmapped queue would be of, and lead to.

An entry says as much as its source knew; whoever resolves it may add what is missing, and contradict nothing.
"""

from uuid import UUID

from attrs import frozen

from bst_application.ports.mappings import Entity, MappingTransaction, UnmappedEntry
from bst_application.use_cases.mapping_steps import UnknownReference
from bst_domain.booking import (
    ADMIN_CHANNEL,
    ADMIN_PACKAGE_KIND,
    PACKAGE_ENTITIES,
    PACKAGE_KINDS,
    PACKAGE_REF_KIND,
    SHOP_CHANNEL,
    SHOP_PACKAGE_KIND,
    SHOP_VARIANT_KIND,
)
from bst_domain.lifecycles import MAPPABLE, UnmappedType
from bst_domain.values import ChannelReference

#: What entries of these types are mapped to, unless somebody says otherwise.
USUAL_ENTITY = {
    UnmappedType.PRODUCT_MAPPING: Entity.CATALOG_PRODUCT,
    UnmappedType.VARIANT_MAPPING: Entity.CATALOG_VARIANT,
}
#: Tables of the old systems whose rows are packages, by the number that channels name them by.
PACKAGE_TABLES = frozenset({"tour_packages", "tourpackage"})
#: (system, table) of rows that the catalog bridge maps -> the channel and the kind that it does so under.
SYSTEM_TABLES = {
    ("bstadmin", "tour_packages"): (ADMIN_CHANNEL, ADMIN_PACKAGE_KIND),
    ("balisnap", "TourPackage"): (SHOP_CHANNEL, SHOP_PACKAGE_KIND),
    ("balisnap", "TourVariant"): (SHOP_CHANNEL, SHOP_VARIANT_KIND),
}


@frozen
class NotMappable:
    """An entry of this type is not about a mapping."""

    type: str


@frozen(kw_only=True)
class Target:
    """What an entry is to be mapped to. The last three fill in what the entry does not know of its reference."""

    entity_key: UUID
    entity_type: str | None = None
    replace: bool = False
    channel: str | None = None
    ref_kind: str | None = None
    ref: str | None = None


def reference_of(entry: UnmappedEntry, target: Target) -> ChannelReference | NotMappable | UnknownReference:
    """What a mapping of this entry would be of. A target may add what the entry does not know, and contradict nothing."""
    if entry.type not in MAPPABLE:
        return NotMappable(entry.type)
    whole = _of_a_whole_system(entry, target)
    if whole is not None:
        return whole
    kind, ref = entry.ref_kind, entry.ref
    if kind is None and entry.source.table.lower() in PACKAGE_TABLES:
        kind, ref = PACKAGE_REF_KIND, entry.source.pk
    parts: list[str] = []
    for known, given, member in (
        (entry.channel, target.channel, "channelCode"),
        (kind, target.ref_kind, "externalRefKind"),
        (ref, target.ref, "externalRef"),
    ):
        part = known or given
        if part is None or (given is not None and given != part):
            return UnknownReference(member)
        parts.append(part)
    return ChannelReference(*parts)


def _of_a_whole_system(entry: UnmappedEntry, target: Target) -> ChannelReference | None:
    """The mapping that the catalog bridge would have written, for all channels; a target that names one means that one alone."""
    named = SYSTEM_TABLES.get((entry.source.system, entry.source.table))
    stated = (entry.channel, entry.ref_kind, target.channel, target.ref_kind, target.ref)
    if named is None or any(part is not None for part in stated):
        return None
    channel, kind = named
    return ChannelReference(channel, kind, entry.source.pk)


async def entity_type_of(
    tx: MappingTransaction, entry: UnmappedEntry, reference: ChannelReference, target: Target
) -> str | UnknownReference:
    """The type that was asked for, else the one that the entry is about, else that of the entity which has this key."""
    said = target.entity_type or entry.entity_type or USUAL_ENTITY.get(UnmappedType(entry.type))
    if said is None:
        kinds = [Entity(kind) for kind in PACKAGE_ENTITIES]
        found = [kind for kind in kinds if await tx.has_entity(kind, target.entity_key)]
        return found[0].value if found else UnknownReference("entityKey")
    if reference.kind in PACKAGE_KINDS and said not in PACKAGE_ENTITIES:
        return UnknownReference("entityType")
    if said in Entity.__members__ and not await tx.has_entity(Entity[said], target.entity_key):
        return UnknownReference("entityKey")
    return str(said)
