"""Laws of editing: whatever is done in whatever order, a product stays one that can be sold."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.catalog import (
    Changes,
    CodeTaken,
    Edited,
    EditorItem,
    EndedWith,
    Flawed,
    NewItem,
    NewRate,
    NewVariant,
    RatesOverlap,
    active_part,
    add_rate,
    add_variant,
    arranged,
    as_product,
    change_item,
    change_rate,
    change_variant,
    create_item,
    deactivate_item,
    deactivate_rate,
    deactivate_variant,
    item_v1,
    overlapping,
    read_new_item,
    read_new_rate,
    read_new_variant,
    read_rate_changes,
)
from bst_testing.deliveries import NOW

Act = Callable[[EditorItem], Edited]


def ids() -> Callable[[], UUID]:
    numbers = count(1)
    return lambda: UUID(int=next(numbers))


def made(**members: Any) -> EditorItem:
    new = read_new_item({"slug": "ubud", "name": "Ubud", **members})
    assert isinstance(new, NewItem)
    item = create_item(new, new_id=ids(), now=NOW)
    assert isinstance(item, EditorItem)
    return item


def variant(code: str, **members: Any) -> dict[str, Any]:
    return {"code": code, "name": f"Variant {code}", **members}


def new_variant(code: str, **members: Any) -> NewVariant:
    new = read_new_variant(variant(code, **members))
    assert isinstance(new, NewVariant)
    return new


def new_rate(**members: Any) -> NewRate:
    new = read_new_rate({"travelerType": "ADULT", "price": 50, **members})
    assert isinstance(new, NewRate)
    return new


def done(outcome: Edited) -> EditorItem:
    assert isinstance(outcome, EditorItem), outcome
    return outcome


def of_code(item: EditorItem, code: str) -> UUID:
    return next(one.key for one in item.variants if one.code == code)


def without_times(item: EditorItem) -> EditorItem:
    variants = sorted((evolve(one, updated_at=NOW) for one in item.variants), key=lambda one: one.key)
    return evolve(item, version=1, updated_at=NOW, variants=tuple(variants))


def defaults(item: EditorItem) -> list[str]:
    return [one.code for one in item.variants if one.is_default]


# A story is a list of numbers: what is done, and to which variant or rate of those that are there by then.
steps = st.tuples(st.integers(0, 8), st.integers(0, 7), st.integers(0, 3), st.booleans())
stories = st.lists(steps, max_size=14)
first_items = st.lists(
    st.fixed_dictionaries({"isActive": st.booleans(), "isDefault": st.just(False)}), min_size=0, max_size=3
).map(lambda given: made(variants=[variant(f"S{at}", **one) for at, one in enumerate(given)]))


def act(item: EditorItem, step: tuple[int, int, int, bool], now: Any, numbers: Iterator[int]) -> Edited:
    what, which, number, yes = step
    variants = sorted(item.variants, key=lambda one: one.key)
    rates = sorted((rate for one in variants for rate in one.rates), key=lambda rate: rate.key)
    chosen = variants[which % len(variants)].key if variants else None
    rate = rates[which % len(rates)].key if rates else None
    outcome: Edited

    def new_id() -> UUID:
        return UUID(int=1000 + next(numbers))

    if what == 0:
        outcome = change_item(item, {"is_active": yes}, now=now)
    elif what == 1:
        outcome = deactivate_item(item, now=now)
    elif what == 2 or chosen is None:
        new = new_variant(f"V{number}", isDefault=yes, isActive=which > 1)
        outcome = add_variant(item, new, new_id=new_id, now=now)
    elif what == 3:
        changes: Changes = {"is_default": yes} if number % 2 else {"is_active": yes}
        outcome = change_variant(item, chosen, changes, now=now)
    elif what == 4:
        outcome = deactivate_variant(item, chosen, now=now)
    elif what in {5, 6} or rate is None:
        bounds = {"minQuantity": number or None, "maxQuantity": (number + 1) if yes else None}
        outcome = add_rate(item, chosen, new_rate(**bounds), new_id=new_id, now=now)
    elif what == 7:
        outcome = change_rate(item, rate, {"max_quantity": number + 1, "is_active": yes}, now=now)
    else:
        outcome = deactivate_rate(item, rate, now=now)
    return outcome


def told(item: EditorItem, story: list[tuple[int, int, int, bool]]) -> Iterator[tuple[EditorItem, Edited]]:
    numbers = count()
    for seconds, step in enumerate(story):
        outcome = act(item, step, NOW + timedelta(seconds=seconds + 1), numbers)
        yield item, outcome
        item = outcome if isinstance(outcome, EditorItem) else item


@given(first_items, stories)
def test_where_a_variant_is_active_exactly_one_active_variant_is_the_default(
    item: EditorItem, story: list[tuple[int, int, int, bool]]
) -> None:
    outcomes = [item, *(after for _, after in told(item, story) if isinstance(after, EditorItem))]
    for after in outcomes:
        active = [one for one in after.variants if one.is_active]
        assert [one.is_active for one in after.variants if one.is_default] == [True] * bool(active)


@given(first_items, stories)
def test_rates_of_a_variant_never_contradict_each_other(
    item: EditorItem, story: list[tuple[int, int, int, bool]]
) -> None:
    for _, after in told(item, story):
        if isinstance(after, EditorItem):
            assert all(not overlapping(rate.as_rate() for rate in one.rates) for one in after.variants)


@given(first_items, stories)
def test_a_change_makes_the_next_version_in_its_order_and_loses_nothing(
    item: EditorItem, story: list[tuple[int, int, int, bool]]
) -> None:
    for before, after in told(item, story):
        if isinstance(after, EditorItem):
            assert after.version == before.version + 1
            assert after == arranged(after)
            assert {one.key for one in before.variants} <= {one.key for one in after.variants}
            assert len({one.code for one in after.variants}) == len(after.variants)


@given(first_items, stories)
def test_what_goes_off_with_a_product_comes_back_with_it(
    item: EditorItem, story: list[tuple[int, int, int, bool]]
) -> None:
    *_, before = [item, *(after for _, after in told(item, story) if isinstance(after, EditorItem))]
    if not before.is_active:
        before = done(change_item(before, {"is_active": True}, now=NOW))
    off = done(deactivate_item(before, now=NOW))
    assert not any(one.is_active or any(rate.is_active for rate in one.rates) for one in off.variants)
    assert without_times(done(change_item(off, {"is_active": True}, now=NOW))) == without_times(before)
    twice = done(deactivate_item(off, now=NOW))
    assert without_times(twice) == without_times(off)


@given(first_items, stories)
def test_what_goes_off_with_a_variant_comes_back_with_it(
    item: EditorItem, story: list[tuple[int, int, int, bool]]
) -> None:
    *_, before = [item, *(after for _, after in told(item, story) if isinstance(after, EditorItem))]
    for one in before.variants:
        if one.is_active and not one.is_default:
            off = done(deactivate_variant(before, one.key, now=NOW))
            back = done(change_variant(off, one.key, {"is_active": True}, now=NOW))
            assert without_times(back) == without_times(before)


def test_the_first_active_variant_is_the_default_where_none_is_said_to_be() -> None:
    assert defaults(made(variants=[variant("A", isActive=False), variant("C"), variant("B")])) == ["C"]
    assert defaults(made(variants=[variant("A"), variant("B", isDefault=True)])) == ["B"]
    assert defaults(made(variants=[variant("A", isDefault=True, isActive=False), variant("B")])) == ["B"]
    assert defaults(made(variants=[variant("A", isActive=False)])) == []
    assert defaults(made()) == []


def test_a_default_that_is_given_up_goes_to_the_next_by_name() -> None:
    item = made(variants=[variant("A"), variant("C"), variant("B")])
    given_up = done(change_variant(item, of_code(item, "A"), {"is_default": False}, now=NOW))
    assert defaults(given_up) == ["B"]
    assert defaults(done(deactivate_variant(given_up, of_code(item, "B"), now=NOW))) == ["A"]
    alone = made(variants=[variant("A"), variant("B", isActive=False)])
    assert defaults(done(change_variant(alone, of_code(alone, "A"), {"is_default": False}, now=NOW))) == ["A"]
    asked = done(change_variant(alone, of_code(alone, "B"), {"is_default": True}, now=NOW))
    assert defaults(asked) == ["A"]  # nobody can book what is switched off
    both = done(change_variant(alone, of_code(alone, "B"), {"is_default": True, "is_active": True}, now=NOW))
    assert defaults(both) == ["B"]


def test_a_variant_that_comes_back_alone_brings_its_rates_and_what_stays_off_stays_off() -> None:
    rates = [{"travelerType": "ADULT", "price": 5}, {"travelerType": "CHILD", "price": 5, "isActive": False}]
    item = made(variants=[variant("A", rates=rates), variant("B", isActive=False), variant("C")])
    off = done(deactivate_item(item, now=NOW))
    a = done(change_variant(off, of_code(off, "A"), {"is_active": True}, now=NOW))
    back = a.variant(of_code(a, "A"))
    assert back is not None
    assert (back.is_default, [rate.is_active for rate in back.rates]) == (True, [True, False])
    named = done(change_variant(off, of_code(off, "C"), {"is_active": False, "name": "Later"}, now=NOW))
    again = done(change_item(named, {"is_active": True}, now=NOW))
    assert {one.code: one.is_active for one in again.variants} == {"A": True, "B": False, "C": True}
    gone = done(deactivate_variant(off, of_code(off, "C"), now=NOW))
    kept_off = done(change_item(gone, {"is_active": True}, now=NOW))
    assert {one.code: one.is_active for one in kept_off.variants} == {"A": True, "B": False, "C": False}


def test_a_rate_in_whose_place_another_was_made_meanwhile_stays_off() -> None:
    item = made(variants=[variant("A", rates=[{"travelerType": "ADULT", "price": price} for price in (5,)])])
    off = done(deactivate_item(item, now=NOW))
    newer = done(add_rate(off, of_code(off, "A"), new_rate(price=6), new_id=lambda: UUID(int=99), now=NOW))
    back = done(change_item(newer, {"is_active": True}, now=NOW))
    assert {int(rate.price): (rate.is_active, rate.ended_with) for rate in back.variants[0].rates} == {
        5: (False, None),
        6: (True, None),
    }


def test_a_product_that_is_switched_off_by_a_change_keeps_its_variants() -> None:
    item = made(variants=[variant("A")])
    off = done(change_item(item, {"is_active": False}, now=NOW))
    assert [one.is_active for one in off.variants] == [True]


def test_rates_that_contradict_each_other_are_refused_whoever_brings_them() -> None:
    item = made(variants=[variant("A", rates=[{"travelerType": "ADULT", "price": 5, "maxQuantity": 4}])])
    key = of_code(item, "A")
    [known] = item.variants[0].rates
    number = ids()
    assert isinstance(add_rate(item, key, new_rate(minQuantity=4), new_id=number, now=NOW), RatesOverlap)
    later = done(add_rate(item, key, new_rate(minQuantity=5), new_id=lambda: UUID(int=99), now=NOW))
    assert change_rate(later, UUID(int=99), {"min_quantity": 4}, now=NOW) == RatesOverlap(UUID(int=99), known.key)
    assert isinstance(change_rate(later, known.key, {"max_quantity": None}, now=NOW), RatesOverlap)
    other = done(change_rate(later, known.key, {"max_quantity": None, "currency": "EUR"}, now=NOW))
    assert isinstance(change_rate(other, known.key, {"currency": "USD"}, now=NOW), RatesOverlap)
    off = done(deactivate_rate(later, known.key, now=NOW))
    wide = done(change_rate(off, UUID(int=99), {"min_quantity": None}, now=NOW))
    assert isinstance(change_rate(wide, known.key, {"is_active": True}, now=NOW), RatesOverlap)
    twice = new_variant("B", rates=[{"travelerType": "ADULT", "price": price} for price in (1, 2)])
    assert isinstance(add_variant(item, twice, new_id=number, now=NOW), RatesOverlap)


def test_rates_that_contradict_each_other_already_hinder_nothing_else() -> None:
    item = made(variants=[variant("A", rates=[{"travelerType": "ADULT", "price": 5}])])
    [one] = item.variants
    old = evolve(item, variants=(evolve(one, rates=(*one.rates, evolve(one.rates[0], key=UUID(int=77)))),))
    assert done(change_variant(old, one.key, {"name": "Still"}, now=NOW)).variants[0].name == "Still"
    assert isinstance(change_rate(old, UUID(int=77), {"max_quantity": 9}, now=NOW), RatesOverlap)


def test_a_rates_numbers_are_checked_together_with_those_that_stay() -> None:
    item = made(variants=[variant("A", rates=[{"travelerType": "ADULT", "price": 5, "minQuantity": 3}])])
    [rate] = item.variants[0].rates
    refused = change_rate(item, rate.key, {"max_quantity": 2}, now=NOW)
    assert isinstance(refused, Flawed)
    assert [flaw.code for flaw in refused.flaws] == ["CATALOG_RATE_QUANTITY_RANGE_INVALID"]
    assert isinstance(read_rate_changes({"minQuantity": 3, "maxQuantity": 2}), Flawed)
    wide = done(change_rate(item, rate.key, {"max_quantity": 3}, now=NOW))
    assert wide.variants[0].rates[0].max_quantity == 3
    broken = evolve(rate, max_quantity=1)
    old = evolve(item, variants=(evolve(item.variants[0], rates=(broken,)),))
    assert done(change_rate(old, rate.key, {"is_active": False}, now=NOW)).variants[0].rates[0].max_quantity == 1


def test_a_code_is_one_variants_of_the_product() -> None:
    item = made(variants=[variant("A"), variant("B")])
    assert add_variant(item, new_variant("a"), new_id=ids(), now=NOW) == CodeTaken("A")
    assert change_variant(item, of_code(item, "B"), {"code": "A"}, now=NOW) == CodeTaken("A")
    new = read_new_item({"slug": "x", "name": "X", "variants": [variant("A"), variant("a")]})
    assert isinstance(new, NewItem)
    assert create_item(new, new_id=ids(), now=NOW) == CodeTaken("A")


def test_what_is_offered_is_what_is_active() -> None:
    rates = [{"travelerType": "ADULT", "price": 5}, {"travelerType": "CHILD", "price": 2, "isActive": False}]
    item = made(thumbnailUrl="/t.jpg", variants=[variant("PKG-7", rates=rates), variant("B", isActive=False)])
    part = active_part(item)
    assert [(one.code, [rate.traveller for rate in one.rates]) for one in part.variants] == [("PKG-7", ["ADULT"])]
    served = item_v1(as_product(part), NOW)
    assert served["media"] == [{"url": "/t.jpg", "isCover": True, "sortOrder": 1}]
    assert (served["package_id"], served["price_per_person"], served["description"]) == (7, 5.0, "")
    assert evolve(item, description=None, short_description="Short").shown_description == "Short"


def test_only_what_went_off_with_something_is_marked() -> None:
    item = made(variants=[variant("A", rates=[{"travelerType": "ADULT", "price": 5}])])
    off = done(deactivate_item(item, now=NOW))
    [one] = off.variants
    assert (one.ended_with, one.was_default, one.rates[0].ended_with) == (EndedWith.ITEM, True, EndedWith.ITEM)
    explicit = done(deactivate_rate(off, one.rates[0].key, now=NOW))
    back = done(change_item(explicit, {"is_active": True}, now=NOW))
    assert [rate.is_active for rate in back.variants[0].rates] == [False]
