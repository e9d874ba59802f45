"""Which of our products is a legacy package?

Source of the rules: semantics 8. Validity first; then legacy_package_id, slug, normalised name. Exactly one candidate at the
first rule that has any is the match; more than one there is for a person to decide, and no later rule is asked.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from attrs import frozen

from bst_domain.catalog._normalising import normalise_name, slugify


class MatchRule(StrEnum):
    """What a match was found by, in the order in which the rules are asked."""

    LEGACY_PACKAGE_ID = "legacy_package_id"
    SLUG = "slug"
    NORMALISED_NAME = "normalised_name"


class UnmatchedReason(StrEnum):
    """Reason code of an entry in the unmapped queue."""

    INVALID_SOURCE = "INVALID_SOURCE"
    MULTI_MATCH = "MULTI_MATCH"
    NO_MATCH = "NO_MATCH"
    NO_RATE_AVAILABLE = "NO_RATE_AVAILABLE"


@frozen(kw_only=True)
class CatalogRow:
    """What matching needs of a package or product, on either side. ``price`` is null where none is stated."""

    name: str | None
    slug: str | None
    legacy_package_id: int | None = None
    price: Decimal | None = None


@frozen
class Matched:
    """Exactly one product, found by this rule."""

    product: UUID
    rule: MatchRule


@frozen
class Unmatched:
    """No product; ``candidates`` are those that a person can choose from, ``detail`` says why."""

    reason: UnmatchedReason
    detail: str
    candidates: tuple[UUID, ...] = ()


def invalid_because(row: CatalogRow) -> str | None:
    """Why a row is INVALID_SOURCE, neither matched nor a candidate for others; or None when it is valid."""
    if not (row.name or "").strip():
        return "the name is blank"
    if not slugify(row.slug or ""):
        return "the slug is blank"
    if row.price is not None and row.price < 0:
        return "the price is negative"
    return None


class ProductIndex:
    """The products that rows are matched against; invalid ones are no candidates, inactive ones are."""

    __slots__ = ("_by_rule",)

    def __init__(self, products: Iterable[tuple[UUID, CatalogRow]]) -> None:
        by_rule: dict[MatchRule, defaultdict[object, list[UUID]]] = {rule: defaultdict(list) for rule in MatchRule}
        for key, row in products:
            if invalid_because(row) is None:
                for rule, form in _forms(row).items():
                    by_rule[rule][form].append(key)
        self._by_rule: Mapping[MatchRule, Mapping[object, list[UUID]]] = by_rule

    def match(self, row: CatalogRow) -> Matched | Unmatched:
        """The one product that this row stands for, or why there is none."""
        problem = invalid_because(row)
        if problem is not None:
            return Unmatched(UnmatchedReason.INVALID_SOURCE, problem)
        forms = _forms(row)
        for rule in MatchRule:
            candidates = self._by_rule[rule].get(forms.get(rule), ())
            if len(candidates) == 1:
                return Matched(candidates[0], rule)
            if candidates:
                detail = f"{len(candidates)} products have the same {rule}"
                return Unmatched(UnmatchedReason.MULTI_MATCH, detail, tuple(candidates))
        return Unmatched(UnmatchedReason.NO_MATCH, "no product has its legacy_package_id, slug or name")


def _forms(row: CatalogRow) -> dict[MatchRule, object]:
    """What a row is found by; a rule for which it has nothing to say is left out."""
    forms: dict[MatchRule, object] = {
        MatchRule.SLUG: slugify(row.slug or ""),
        MatchRule.NORMALISED_NAME: normalise_name(row.name or ""),
    }
    if row.legacy_package_id is not None:
        forms[MatchRule.LEGACY_PACKAGE_ID] = row.legacy_package_id
    return {rule: form for rule, form in forms.items() if form != ""}
