"""Catalog matching: validity, then legacy id, slug, name; exactly one candidate at the first rule that has any."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.catalog import (
    MARKETING_SUFFIXES,
    CatalogRow,
    Matched,
    MatchRule,
    ProductIndex,
    Unmatched,
    UnmatchedReason,
    invalid_because,
    normalise_name,
    slugify,
)
from bst_testing.strategies import catalog_rows

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
Products = list[tuple[UUID, CatalogRow]]
product_lists = st.lists(catalog_rows, max_size=6).map(
    lambda rows: [(UUID(int=number), row) for number, row in enumerate(rows, start=1)]
)


def product(name: str = "Ubud", slug: str = "ubud", legacy: int | None = None) -> CatalogRow:
    return CatalogRow(name=name, slug=slug, legacy_package_id=legacy, price=Decimal(50))


def naive(products: Products, row: CatalogRow) -> Matched | Unmatched:
    """The rule, as the semantics spell it, without an index."""
    if invalid_because(row) is not None:
        return Unmatched(UnmatchedReason.INVALID_SOURCE, "")
    valid = [(key, other) for key, other in products if invalid_because(other) is None]
    rules: dict[MatchRule, Callable[[CatalogRow], bool]] = {
        MatchRule.LEGACY_PACKAGE_ID: lambda other: (
            row.legacy_package_id is not None and other.legacy_package_id == row.legacy_package_id
        ),
        MatchRule.SLUG: lambda other: slugify(other.slug or "") == slugify(row.slug or ""),
        MatchRule.NORMALISED_NAME: lambda other: (
            bool(normalise_name(row.name or "")) and normalise_name(other.name or "") == normalise_name(row.name or "")
        ),
    }
    for rule, same in rules.items():
        candidates = tuple(key for key, other in valid if same(other))
        if len(candidates) == 1:
            return Matched(candidates[0], rule)
        if candidates:
            return Unmatched(UnmatchedReason.MULTI_MATCH, "", candidates)
    return Unmatched(UnmatchedReason.NO_MATCH, "")


@given(product_lists, catalog_rows)
def test_the_first_rule_with_a_candidate_decides(products: Products, row: CatalogRow) -> None:
    found = ProductIndex(products).match(row)
    assert (evolve(found, detail="") if isinstance(found, Unmatched) else found) == naive(products, row)


@given(product_lists, catalog_rows, st.randoms())
def test_the_order_of_the_products_does_not_matter(products: Products, row: CatalogRow, random: Random) -> None:
    shuffled = list(products)
    random.shuffle(shuffled)
    one, other = ProductIndex(products).match(row), ProductIndex(shuffled).match(row)
    if isinstance(one, Unmatched) and isinstance(other, Unmatched):
        assert (one.reason, set(one.candidates)) == (other.reason, set(other.candidates))
    else:
        assert one == other


@given(product_lists, catalog_rows)
def test_an_invalid_row_is_neither_matched_nor_a_candidate(products: Products, row: CatalogRow) -> None:
    invalid = evolve(row, price=Decimal("-0.01"))
    found = ProductIndex(products).match(invalid)
    assert isinstance(found, Unmatched)
    assert found.reason is UnmatchedReason.INVALID_SOURCE
    with_invalid = ProductIndex([*products, (UUID(int=99), invalid)]).match(row)
    assert with_invalid == ProductIndex(products).match(row)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (CatalogRow(name=None, slug="ubud"), "the name is blank"),
        (CatalogRow(name=" \t", slug="ubud"), "the name is blank"),
        (CatalogRow(name="Ubud", slug=None), "the slug is blank"),
        (CatalogRow(name="Ubud", slug=" --_ "), "the slug is blank"),
        (CatalogRow(name="Ubud", slug="ubud", price=Decimal(-1)), "the price is negative"),
        (CatalogRow(name=None, slug=None, price=Decimal(-1)), "the name is blank"),
        (CatalogRow(name="Ubud", slug="ubud", price=Decimal(0)), None),
        (CatalogRow(name="Ubud", slug="ubud"), None),
    ],
)
def test_validity_comes_first(row: CatalogRow, why: str | None) -> None:
    assert invalid_because(row) == why
    found = ProductIndex([(A, product())]).match(row)
    if why is not None:
        assert found == Unmatched(UnmatchedReason.INVALID_SOURCE, why)


def test_each_rule_in_its_turn() -> None:
    index = ProductIndex([(A, product("Kintamani", "kintamani", 7)), (B, product("Ubud Tour", "ubud", 8))])
    assert index.match(product("Ubud", "ubud", 7)) == Matched(A, MatchRule.LEGACY_PACKAGE_ID)
    assert index.match(product("Kintamani", "Ubud ", 9)) == Matched(B, MatchRule.SLUG)
    assert index.match(product("UBUD full day tour", "other")) == Matched(B, MatchRule.NORMALISED_NAME)
    none = index.match(product("Lovina", "lovina"))
    assert none == Unmatched(UnmatchedReason.NO_MATCH, "no product has its legacy_package_id, slug or name")


def test_several_candidates_are_for_a_person_and_no_later_rule_is_asked() -> None:
    index = ProductIndex([(A, product("Ubud", "a", 7)), (B, product("Lovina", "b", 7)), (C, product("Amed", "c"))])
    found = index.match(product("Amed", "c", 7))
    assert found == Unmatched(UnmatchedReason.MULTI_MATCH, "2 products have the same legacy_package_id", (A, B))


def test_names_of_nothing_match_nobody() -> None:
    index = ProductIndex([(A, product("!!!", "a"))])
    assert isinstance(index.match(product("???", "b")), Unmatched)


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Café & Coffee Plantation Full Day Tour", "cafe and coffee plantation"),
        ("  UBUD   tours ", "ubud"),
        ("Photographer’s Choice — Private Tour", "photographers choice"),
        ("Rock'n`Roll", "rocknroll"),
        ("Nusa Penida Trip Private Bali", "nusa penida"),
        ("Trip", "trip"),
        ("Tour Tour", "tour"),
        ("Private Tour", "private"),
        ("Bali", "bali"),
        ("Detours", "detours"),
        ("Straße", "strasse"),
        ("日の出 Trek", "日の出 trek"),
        ("!!!", ""),
    ],
)
def test_names_are_folded(name: str, normal: str) -> None:
    assert normalise_name(name) == normal


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_folding_a_folded_form_changes_nothing(text: str) -> None:
    assert slugify(slugify(text)) == slugify(text)
    once = normalise_name(text)
    assert "&" not in once
    assert once == " ".join(once.split())


@given(st.sampled_from(["Ubud", "Mount Batur Sunrise"]), st.lists(st.sampled_from(MARKETING_SUFFIXES), max_size=4))
def test_marketing_suffixes_never_tell_products_apart(name: str, suffixes: list[str]) -> None:
    assert normalise_name(" ".join([name, *suffixes])) == normalise_name(name)


@pytest.mark.parametrize(
    ("text", "slug"),
    [(" Élodie's  Trip_2 ", "elodie-s-trip-2"), ("--A--", "a"), ("日本", ""), ("Ubud/Kuta", "ubud-kuta")],
)
def test_slugs_are_folded(text: str, slug: str) -> None:
    assert slugify(text) == slug
