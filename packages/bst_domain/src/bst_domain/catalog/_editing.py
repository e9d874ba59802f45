"""Changes of a product: each gives the product as it is then, or says why not. Pure: ids and the time are arguments.

Source of the rules: predecessor, "catalog editor". What it left open, or broke, is decided here (defects 65 to 67 and 70):

- Where a product has an active variant, exactly one active variant is the default. One that is taken away as default, or switched
  off, hands over to the next by name; where there is no other, it stays the default. So no order of changes is refused for it.
- What is switched off together with a product, or a variant, comes back with it: the same variants, rates and default. What was
  off before stays off, and so does a rate in whose place another one was made meanwhile. Switching a product off by a change of
  ``isActive`` leaves its variants as they are.
- No two active rates of a variant may hold for the same traveller, currency, number and instant. Those that do already, from
  older systems, hinder no change of anything else.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from attrs import evolve, frozen

from bst_domain.catalog._editor import Content, EditorItem, EditorRate, EditorVariant, EndedWith, arranged
from bst_domain.catalog._editor_content import ordered
from bst_domain.catalog._editor_input import Changes, NewItem, NewRate, NewVariant, quantity_flaw
from bst_domain.catalog._editor_texts import Flawed
from bst_domain.catalog._rates import overlap


@frozen
class CodeTaken:
    """Another variant of the product has this code."""

    code: str


@frozen
class RatesOverlap:
    """A rate would hold beside another active one of its variant. One that is not stored yet has a key that nobody knows."""

    rate: UUID
    other: UUID


Edited = EditorItem | Flawed | CodeTaken | RatesOverlap
NewId = Callable[[], UUID]


def create_item(new: NewItem, *, new_id: NewId, now: datetime) -> Edited:
    """A product; the first active variant is the default where none is said to be."""
    empty = EditorItem(
        key=new_id(),
        slug=new.slug,
        name=new.name,
        description=new.description,
        thumbnail_url=new.thumbnail_url,
        is_active=new.is_active,
        is_featured=new.is_featured,
        created_at=now,
        updated_at=now,
        version=0,
    )
    variants = [_made(variant, new_id, now) for variant in new.variants]
    wanted = next((one for one in variants if one.is_default and one.is_active), None)
    wanted = wanted or next((one for one in variants if one.is_active), None)
    return _written(empty, evolve(empty, variants=tuple(variants)), now, default=None if wanted is None else wanted.key)


def change_item(item: EditorItem, changes: Changes, *, now: datetime) -> Edited:
    """An item's own members. One that becomes active again brings back what went with it."""
    changed = evolve(item, **changes)
    if not changed.is_active or item.is_active:
        return _written(item, changed, now)
    back = tuple(
        evolve(
            variant,
            is_active=variant.is_active or variant.ended_with is EndedWith.ITEM,
            is_default=variant.is_default or variant.was_default,
            was_default=False,
            ended_with=None,
            rates=_back(variant.rates, {EndedWith.ITEM}),
        )
        for variant in item.variants
    )
    default = next((variant.key for variant in item.variants if variant.was_default), None)
    return _written(item, evolve(changed, variants=back), now, default=default)


def replace_content(item: EditorItem, content: Content, *, now: datetime) -> Edited:
    """The whole content document."""
    return _written(item, evolve(item, content=ordered(content)), now)


def deactivate_item(item: EditorItem, *, now: datetime) -> Edited:
    """Switches the product off, with all of its variants and their rates."""
    has_default = any(variant.is_active and variant.is_default for variant in item.variants)
    off = tuple(
        evolve(
            variant,
            is_active=False,
            is_default=False,
            was_default=(variant.is_active and variant.is_default) if has_default else variant.was_default,
            ended_with=EndedWith.ITEM if variant.is_active else variant.ended_with,
            rates=_off(variant.rates, EndedWith.ITEM),
        )
        for variant in item.variants
    )
    return _written(item, evolve(item, is_active=False, variants=off), now)


def add_variant(item: EditorItem, new: NewVariant, *, new_id: NewId, now: datetime) -> Edited:
    """One more variant; as the default it takes the place of the present one."""
    variant = _made(new, new_id, now)
    default = variant.key if variant.is_default else None
    return _written(item, evolve(item, variants=(*item.variants, variant)), now, default=default)


def change_variant(item: EditorItem, key: UUID, changes: Changes, *, now: datetime) -> Edited:
    """A variant's own members. One that becomes active again brings back the rates that went with it or with the product."""
    before = _variant(item, key)
    after = evolve(before, **changes)
    if after.is_active and not before.is_active:
        after = evolve(after, ended_with=None, was_default=False, rates=_back(after.rates, set(EndedWith)))
    if before.is_active and not after.is_active:
        after = evolve(after, ended_with=None)
    wanted = changes.get("is_default")
    return _written(
        item,
        _with(item, after),
        now,
        default=key if wanted is True else None,
        given_up=key if wanted is False else None,
    )


def deactivate_variant(item: EditorItem, key: UUID, *, now: datetime) -> Edited:
    """Switches a variant off, with its rates."""
    before = _variant(item, key)
    rates = tuple(
        evolve(rate, ended_with=EndedWith.VARIANT) if rate.ended_with is EndedWith.ITEM else rate
        for rate in _off(before.rates, EndedWith.VARIANT)
    )
    off = evolve(before, is_active=False, is_default=False, was_default=False, ended_with=None, rates=rates)
    return _written(item, _with(item, off), now)


def add_rate(item: EditorItem, variant: UUID, new: NewRate, *, new_id: NewId, now: datetime) -> Edited:
    """One more rate of a variant."""
    before = _variant(item, variant)
    return _written(item, _with(item, evolve(before, rates=(*before.rates, _made_rate(new, new_id)))), now)


def change_rate(item: EditorItem, key: UUID, changes: Changes, *, now: datetime) -> Edited:
    """A rate's own members, checked together with those that stay."""
    variant, before = _rate(item, key)
    after = evolve(before, **changes)
    flaw = quantity_flaw(after.min_quantity, after.max_quantity)
    if flaw is not None and {"min_quantity", "max_quantity"} & changes.keys():
        return flaw
    if after.is_active != before.is_active:
        after = evolve(after, ended_with=None)
    return _written(item, _with(item, _with_rate(variant, after)), now)


def deactivate_rate(item: EditorItem, key: UUID, *, now: datetime) -> Edited:
    """Switches a rate off, for good until somebody switches it on."""
    variant, before = _rate(item, key)
    return _written(item, _with(item, _with_rate(variant, evolve(before, is_active=False, ended_with=None))), now)


def _written(
    before: EditorItem, after: EditorItem, now: datetime, *, default: UUID | None = None, given_up: UUID | None = None
) -> Edited:
    """The product after a change: its one default, what changed stamped, in its order; or what stands against it."""
    taken = _taken_code(after.variants)
    if taken is not None:
        return CodeTaken(taken)
    known = {variant.key: variant for variant in before.variants}
    for variant in after.variants:
        contradiction = _contradiction(known.get(variant.key), variant)
        if contradiction is not None:
            return contradiction
    variants = _with_one_default(after.variants, default, given_up)
    stamped = tuple(
        variant if known.get(variant.key) == variant else evolve(variant, updated_at=now) for variant in variants
    )
    return arranged(evolve(after, variants=stamped, version=before.version + 1, updated_at=now))


def _with_one_default(
    variants: tuple[EditorVariant, ...], wanted: UUID | None, given_up: UUID | None
) -> tuple[EditorVariant, ...]:
    candidates = [variant for variant in variants if variant.is_active]
    chosen = min(
        candidates,
        key=lambda one: (one.key != wanted, not one.is_default, one.key == given_up, one.name, one.key),
        default=None,
    )
    return tuple(
        variant
        if variant.is_default is (is_chosen := chosen is not None and variant.key == chosen.key)
        else evolve(variant, is_default=is_chosen)
        for variant in variants
    )


def _taken_code(variants: tuple[EditorVariant, ...]) -> str | None:
    codes = [variant.code for variant in variants]
    return next((code for at, code in enumerate(codes) if code in codes[:at]), None)


def _contradiction(before: EditorVariant | None, after: EditorVariant) -> RatesOverlap | None:
    """A rate that is new or changed, and holds beside another one."""
    known = set() if before is None else set(before.rates)
    for rate in after.rates:
        if rate in known:
            continue
        for other in after.rates:
            if other.key != rate.key and overlap(rate.as_rate(), other.as_rate()):
                return RatesOverlap(rate.key, other.key)
    return None


def _off(rates: tuple[EditorRate, ...], together: EndedWith) -> tuple[EditorRate, ...]:
    return tuple(evolve(rate, is_active=False, ended_with=together) if rate.is_active else rate for rate in rates)


def _back(rates: tuple[EditorRate, ...], together: set[EndedWith]) -> tuple[EditorRate, ...]:
    """The newest first; one that would contradict a rate that is active by then stays off."""
    holding = [rate.as_rate() for rate in rates if rate.is_active]
    back: dict[UUID, EditorRate] = {}
    for rate in sorted(rates, key=lambda one: one.key, reverse=True):
        if rate.ended_with in together:
            active = evolve(rate, is_active=True, ended_with=None)
            is_replaced = any(overlap(active.as_rate(), other) for other in holding)
            back[rate.key] = evolve(rate, ended_with=None) if is_replaced else active
            holding.append(back[rate.key].as_rate())
    return tuple(back.get(rate.key, rate) for rate in rates)


def _made(new: NewVariant, new_id: NewId, now: datetime) -> EditorVariant:
    return EditorVariant(
        key=new_id(),
        code=new.code,
        name=new.name,
        duration_days=new.duration_days,
        currency=new.currency,
        is_default=new.is_default,
        is_active=new.is_active,
        updated_at=now,
        rates=tuple(_made_rate(rate, new_id) for rate in new.rates),
    )


def _made_rate(new: NewRate, new_id: NewId) -> EditorRate:
    return EditorRate(
        key=new_id(),
        traveller=new.traveller,
        currency=new.currency,
        price=new.price,
        min_quantity=new.min_quantity,
        max_quantity=new.max_quantity,
        is_active=new.is_active,
    )


def _variant(item: EditorItem, key: UUID) -> EditorVariant:
    variant = item.variant(key)
    assert variant is not None, "whoever changes a variant has found its product"
    return variant


def _rate(item: EditorItem, key: UUID) -> tuple[EditorVariant, EditorRate]:
    variant = item.variant_of_rate(key)
    assert variant is not None, "whoever changes a rate has found its product"
    return variant, next(rate for rate in variant.rates if rate.key == key)


def _with(item: EditorItem, variant: EditorVariant) -> EditorItem:
    return evolve(item, variants=tuple(variant if one.key == variant.key else one for one in item.variants))


def _with_rate(variant: EditorVariant, rate: EditorRate) -> EditorVariant:
    return evolve(variant, rates=tuple(rate if one.key == rate.key else one for one in variant.rates))
