"""What the shop tells about its products, as content documents of ours.

Source of the rules: predecessor rules 7, "content back-fill": products by slug, variants by slug and code (the bridge matches
them), media, itinerary, five lists, no FAQs. What an editor has changed here is never overwritten: of each part, only what
still is as the bridge left it follows its source.
"""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from hashlib import blake2b
from json import dumps
from typing import Any, Final
from uuid import UUID

from bst_domain.catalog import MAX_ENTRY, Content, content_json, stored_content
from bst_domain.migration._backfill import LegacySystem
from bst_domain.migration._catalog_rows import LegacyCatalog, LegacyVariant
from bst_domain.migration._exceptions import ExceptionKind, MigrationException
from bst_domain.migration._legacy_rows import SourceRow

LISTS: Final = ("highlights", "inclusions", "exclusions", "additionalInfo", "optionalFeatures")
#: The parts that the shop has anything to say about.
CONTENT_PARTS: Final = ("slides", "itinerary", *LISTS)
Document = Mapping[str, Any]


def moved_content(
    catalog: LegacyCatalog, products: Mapping[int, UUID], variants: Mapping[int, UUID]
) -> dict[UUID, Content]:
    """Product -> its content, where there is any. ``products`` and ``variants``: legacy id -> our key, of what is moved in."""
    ours = [row for row in catalog.variants if row.variant_id in variants and row.product_id in products]
    by_product: dict[int, list[LegacyVariant]] = {}
    for row in sorted(ours, key=lambda row: (not row.default, row.variant_id)):
        by_product.setdefault(row.product_id, []).append(row)
    contents: dict[UUID, Content] = {}
    for product_id, key in products.items():
        content = stored_content(_document(catalog, product_id, by_product.get(product_id, ()), variants))
        if content != Content():
            contents[key] = content
    return contents


def cut_lines(catalog: LegacyCatalog, variants: Container[int]) -> list[MigrationException]:
    """Variants that are moved in with lines that an editor of ours could not write: such a line is cut."""
    cut: dict[int, Counter[str]] = {}
    for line in catalog.lines:
        if line.variant_id in variants and len(" ".join(line.text.split())) > MAX_ENTRY:
            cut.setdefault(line.variant_id, Counter())[line.part] += 1
    return [
        MigrationException(
            kind=ExceptionKind.CONTENT_CUT,
            row=variant_row(variant),
            channel="DIRECT",
            ref="",
            detail=", ".join(f"{part}: {many} beyond {MAX_ENTRY} characters" for part, many in sorted(parts.items())),
        )
        for variant, parts in sorted(cut.items())
    ]


def variant_row(variant_id: int) -> SourceRow:
    """Where the shop has it."""
    return SourceRow(LegacySystem.SHOP, "TourVariant", variant_id)


def _document(
    catalog: LegacyCatalog, product_id: int, variants: Sequence[LegacyVariant], keys: Mapping[int, UUID]
) -> dict[str, Any]:
    ids = [row.variant_id for row in variants]
    pictures = [
        p for p in catalog.pictures if p.product_id == product_id and (p.variant_id is None or p.variant_id in keys)
    ]
    pictures.sort(key=lambda picture: picture.variant_id is not None)  # the product's own first; each in its order
    seen = {picture.url.strip(): picture for picture in reversed(pictures)}
    slides = [picture for picture in pictures if seen[picture.url.strip()] is picture]
    return {
        "slides": [
            {"url": p.url, "altText": p.alt_text, "isCover": p.cover and p.variant_id is None, "sortOrder": at}
            for at, p in enumerate(slides, start=1)
        ],
        "itinerary": [
            {
                "variantId": str(keys[step.variant_id]),
                "day": max(1, step.day),
                "sortOrder": at,
                "title": step.title,
                "description": step.description,
                "location": step.location,
                "startTime": step.start_time,
                "endTime": step.end_time,
            }
            for variant in ids
            for at, step in enumerate((s for s in catalog.steps if s.variant_id == variant), start=1)
        ],
        **{
            part: list(
                dict.fromkeys(
                    line.text.strip()
                    for variant in ids
                    for line in catalog.lines
                    if line.variant_id == variant and line.part == part and line.text.strip()
                )
            )
            for part in LISTS
        },
    }


def content_marks(content: Content) -> str:
    """A mark of each part, to tell later whether somebody has changed it."""
    document = content_json(content)
    return " ".join(_mark(document[part]) for part in CONTENT_PARTS)


def merged_content(here: Content | None, marks: str | None, source: Content) -> Content:
    """``marks``: of what the bridge wrote last; None: it never did. A part that is as it was, or was never told, follows."""
    if here is None:
        return source
    known, ours, theirs = (marks or "").split(), content_json(here), content_json(source)
    left = {
        part: known[at] if at < len(known) else _mark(content_json(Content())[part])
        for at, part in enumerate(CONTENT_PARTS)
    }
    follows = {part: theirs[part] for part in CONTENT_PARTS if _mark(ours[part]) == left[part]}
    return stored_content({**ours, **follows})


def _mark(part: object) -> str:
    return blake2b(dumps(part, sort_keys=True).encode(), digest_size=6).hexdigest()
