"""What editors type: the one spelling that is kept, and a code for everything that is not taken."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.catalog import (
    Content,
    Faq,
    Flawed,
    ItineraryStep,
    NewItem,
    NewRate,
    NewVariant,
    Slide,
    content_json,
    ordered,
    read_content,
    read_item_changes,
    read_new_item,
    read_new_rate,
    read_new_variant,
    read_rate_changes,
    read_variant_changes,
    slug_of,
    stored_content,
)

VARIANT = UUID(int=5)
ITEM: dict[str, Any] = {"slug": "ubud", "name": "Ubud"}
A_VARIANT: dict[str, Any] = {"code": "A", "name": "Shared"}
RATE: dict[str, Any] = {"travelerType": "ADULT", "price": 50}


def codes(outcome: object) -> list[tuple[str, str]]:
    assert isinstance(outcome, Flawed), outcome
    return [(flaw.path, flaw.code) for flaw in outcome.flaws]


@given(st.text(max_size=400))
def test_what_is_kept_of_a_text_is_kept_as_it_is(text: str) -> None:
    new = read_new_item({"slug": text, "name": text, "description": text, "variants": [{"code": text, "name": text}]})
    if isinstance(new, NewItem):
        [variant] = new.variants
        again = read_new_item(
            {
                "slug": new.slug,
                "name": new.name,
                "description": new.description,
                "variants": [{"code": variant.code, "name": variant.name}],
            }
        )
        assert again == new
        assert 0 < len(new.slug) <= 191
        assert 0 < len(new.name) <= 255
        assert 0 < len(variant.code) <= 64


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("  Ubud & Rice -- Terrace! ", "ubud-rice-terrace"),
        ("Café", "caf"),
        ("-a-", "a"),
        ("!!", ""),
        ("a" * 190 + "-b", "a" * 190),
        ("a" * 300, "a" * 191),
    ],
)
def test_slugs(text: str, slug: str) -> None:
    assert slug_of(text) == slug


def test_names_are_one_line_and_descriptions_keep_theirs() -> None:
    new = read_new_item({"slug": "x", "name": " A \n  name ", "description": " One\r\n\r\nTwo ", "thumbnailUrl": " "})
    assert isinstance(new, NewItem)
    assert (new.name, new.description, new.thumbnail_url) == ("A name", "One\n\nTwo", None)
    assert (new.is_active, new.is_featured, new.variants) == (True, False, ())
    long = read_new_item({"slug": "x", "name": "n" * 300, "isActive": None, "variants": None})
    assert isinstance(long, NewItem)
    assert len(long.name) == 255


def test_a_variant_and_a_rate_have_their_defaults() -> None:
    variant = read_new_variant({"code": " a b/c_1 ", "name": "Shared", "currencyCode": " idrx ", "rates": [RATE]})
    assert variant == NewVariant(
        code="A-B-C_1",
        name="Shared",
        duration_days=1,
        currency="IDR",
        is_default=False,
        is_active=True,
        rates=(
            NewRate(
                traveller="ADULT",
                currency="USD",
                price=Decimal("50.00"),
                min_quantity=None,
                max_quantity=None,
                is_active=True,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("given_price", "price"),
    [
        (0, "0.00"),
        (12, "12.00"),
        (12.345, "12.35"),
        (" 7.5 ", "7.50"),
        (9999999999.99, "9999999999.99"),
        (1e-7, "0.00"),
    ],
)
def test_prices_that_are_taken(given_price: object, price: str) -> None:
    rate = read_new_rate({**RATE, "price": given_price})
    assert isinstance(rate, NewRate)
    assert str(rate.price) == price


@pytest.mark.parametrize(
    "price", [None, -1, "-1", "", "x", "1e3", "NaN", "１", True, [], 1e10, "9999999999.995", 10**30]
)
def test_prices_that_are_not_taken(price: object) -> None:
    assert codes(read_new_rate({**RATE, "price": price})) == [("price", "CATALOG_RATE_PRICE_INVALID")]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"slug": None}, [("slug", "CATALOG_ITEM_SLUG_REQUIRED")]),
        ({"slug": "!"}, [("slug", "CATALOG_ITEM_SLUG_REQUIRED")]),
        ({"slug": 7}, [("slug", "CATALOG_ITEM_SLUG_REQUIRED")]),
        ({"slug": "Featured!"}, [("slug", "CATALOG_ITEM_SLUG_RESERVED")]),
        ({"name": " "}, [("name", "CATALOG_ITEM_NAME_REQUIRED")]),
        ({"description": 1}, [("description", "CATALOG_ITEM_DESCRIPTION_INVALID")]),
        ({"thumbnailUrl": 1}, [("thumbnailUrl", "CATALOG_ITEM_THUMBNAIL_URL_INVALID")]),
        ({"isActive": "yes"}, [("isActive", "CATALOG_ITEM_IS_ACTIVE_INVALID")]),
        ({"isFeatured": 1}, [("isFeatured", "CATALOG_ITEM_IS_FEATURED_INVALID")]),
        ({"variants": {}}, [("variants", "CATALOG_ITEM_VARIANTS_INVALID")]),
        ({"variants": [1, A_VARIANT]}, [("variants[0]", "CATALOG_ITEM_VARIANTS_INVALID")]),
        (
            {"variants": [{**A_VARIANT, "isDefault": True}, {"code": "B", "name": "B", "isDefault": True}]},
            [("variants", "CATALOG_VARIANT_DEFAULT_CONFLICT")],
        ),
        (
            {"slug": "", "variants": [{"rates": [{**RATE, "price": "x"}]}]},
            [
                ("slug", "CATALOG_ITEM_SLUG_REQUIRED"),
                ("variants[0].code", "CATALOG_VARIANT_CODE_REQUIRED"),
                ("variants[0].name", "CATALOG_VARIANT_NAME_REQUIRED"),
                ("variants[0].rates[0].price", "CATALOG_RATE_PRICE_INVALID"),
            ],
        ),
    ],
)
def test_items_that_are_not_taken(members: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert codes(read_new_item({**ITEM, **members})) == expected


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"code": " "}, "CATALOG_VARIANT_CODE_REQUIRED"),
        ({"name": None}, "CATALOG_VARIANT_NAME_REQUIRED"),
        ({"durationDays": 0}, "CATALOG_VARIANT_DURATION_DAYS_INVALID"),
        ({"durationDays": 1.5}, "CATALOG_VARIANT_DURATION_DAYS_INVALID"),
        ({"durationDays": 2**31}, "CATALOG_VARIANT_DURATION_DAYS_INVALID"),
        ({"durationDays": True}, "CATALOG_VARIANT_DURATION_DAYS_INVALID"),
        ({"currencyCode": "us"}, "CATALOG_CURRENCY_CODE_INVALID"),
        ({"currencyCode": "U2D"}, "CATALOG_CURRENCY_CODE_INVALID"),
        ({"currencyCode": 1}, "CATALOG_CURRENCY_CODE_INVALID"),
        ({"isDefault": "no"}, "CATALOG_VARIANT_IS_DEFAULT_INVALID"),
        ({"isActive": 0}, "CATALOG_VARIANT_IS_ACTIVE_INVALID"),
        ({"rates": "none"}, "CATALOG_VARIANT_RATES_INVALID"),
    ],
)
def test_variants_that_are_not_taken(members: dict[str, Any], code: str) -> None:
    [(path, found)] = codes(read_new_variant({**A_VARIANT, **members}))
    assert (path, found) == (next(iter(members)), code)
    if path != "rates":
        assert codes(read_variant_changes(members)) == [(path, code)]


@pytest.mark.parametrize(
    ("members", "path", "code"),
    [
        ({"travelerType": "SENIOR"}, "travelerType", "CATALOG_TRAVELER_TYPE_INVALID"),
        ({"travelerType": None}, "travelerType", "CATALOG_TRAVELER_TYPE_INVALID"),
        ({"currencyCode": "$"}, "currencyCode", "CATALOG_CURRENCY_CODE_INVALID"),
        ({"minQuantity": 0}, "minQuantity", "CATALOG_RATE_MIN_QUANTITY_INVALID"),
        ({"minQuantity": "2"}, "minQuantity", "CATALOG_RATE_MIN_QUANTITY_INVALID"),
        ({"maxQuantity": 1.5}, "maxQuantity", "CATALOG_RATE_MAX_QUANTITY_INVALID"),
        ({"minQuantity": 5, "maxQuantity": 4}, "maxQuantity", "CATALOG_RATE_QUANTITY_RANGE_INVALID"),
        ({"isActive": "true"}, "isActive", "CATALOG_RATE_IS_ACTIVE_INVALID"),
    ],
)
def test_rates_that_are_not_taken(members: dict[str, Any], path: str, code: str) -> None:
    assert (path, code) in codes(read_new_rate({**RATE, **members}))
    assert [code] == [found for _, found in codes(read_rate_changes(members))]


def test_a_change_has_what_is_said_and_nothing_else() -> None:
    assert read_item_changes({"description": None, "more": 1}) == {"description": None}
    assert read_item_changes({"thumbnailUrl": " /a.jpg ", "slug": "A b", "isActive": False}) == {
        "slug": "a-b",
        "thumbnail_url": "/a.jpg",
        "is_active": False,
    }
    assert read_variant_changes({"durationDays": 2.0, "currencyCode": "eur"}) == {"duration_days": 2, "currency": "EUR"}
    assert read_rate_changes({"minQuantity": None, "maxQuantity": 3, "travelerType": "infant"}) == {
        "min_quantity": None,
        "max_quantity": 3,
        "traveller": "INFANT",
    }
    assert codes(read_item_changes({"more": 1})) == [("", "CATALOG_ITEM_PATCH_EMPTY")]
    assert codes(read_variant_changes({})) == [("", "CATALOG_VARIANT_PATCH_EMPTY")]
    assert codes(read_rate_changes({})) == [("", "CATALOG_RATE_PATCH_EMPTY")]
    assert codes(read_item_changes({"isActive": None, "name": None, "slug": "featured"})) == [
        ("slug", "CATALOG_ITEM_SLUG_RESERVED"),
        ("name", "CATALOG_ITEM_NAME_REQUIRED"),
        ("isActive", "CATALOG_ITEM_IS_ACTIVE_INVALID"),
    ]


def test_a_content_document_is_kept_in_its_order_with_one_cover() -> None:
    read = read_content(
        {
            "content": {
                "slides": [
                    {"url": " /c.jpg ", "altText": " ", "sortOrder": 3},
                    {"url": "/b.jpg", "altText": "A  view", "isCover": True, "sortOrder": 2},
                    {"url": "/d.jpg", "isCover": True},
                ],
                "itinerary": [
                    {"title": "Down", "day": 2},
                    {"title": " Up ", "variantId": str(VARIANT), "description": "a\r\nb ", "startTime": "08:00"},
                ],
                "highlights": [" Rice  terrace ", "", "Rice terrace", "x" * 600],
                "faqs": [{"question": " When? ", "answer": "At 8\n\nsharp"}],
                "unknown": 1,
            }
        }
    )
    assert isinstance(read, Content)
    content = ordered(read)
    assert content == Content(
        slides=(
            Slide(url="/b.jpg", alt_text="A view", is_cover=True, sort_order=2),
            Slide(url="/c.jpg", sort_order=3),
            Slide(url="/d.jpg", sort_order=3),
        ),
        itinerary=(
            ItineraryStep(
                title="Up", variant=str(VARIANT), day=1, sort_order=2, description="a\nb", start_time="08:00"
            ),
            ItineraryStep(title="Down", day=2, sort_order=1),
        ),
        highlights=("Rice terrace", "x" * 500),
        faqs=(Faq(question="When?", answer="At 8\n\nsharp"),),
    )
    assert stored_content(content_json(content)) == content
    assert [slide.is_cover for slide in ordered(Content(slides=(Slide(url="a"), Slide(url="b")))).slides] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("part", "path", "code"),
    [
        ({"slides": {}}, "slides", "SLIDES_INVALID"),
        ({"slides": [1]}, "slides[0]", "SLIDES_INVALID"),
        ({"slides": [{}]}, "slides[0].url", "SLIDE_URL_REQUIRED"),
        ({"slides": [{"url": 1}]}, "slides[0].url", "SLIDE_URL_INVALID"),
        ({"slides": [{"url": "x" * 2049}]}, "slides[0].url", "SLIDE_URL_INVALID"),
        ({"slides": [{"url": "x", "altText": 1}]}, "slides[0].altText", "SLIDE_ALT_TEXT_INVALID"),
        ({"slides": [{"url": "x", "altText": "x" * 256}]}, "slides[0].altText", "SLIDE_ALT_TEXT_INVALID"),
        ({"slides": [{"url": "x", "sortOrder": -1}]}, "slides[0].sortOrder", "SLIDE_SORT_ORDER_INVALID"),
        ({"itinerary": "x"}, "itinerary", "ITINERARY_INVALID"),
        ({"itinerary": [{}]}, "itinerary[0].title", "ITINERARY_TITLE_REQUIRED"),
        ({"itinerary": [{"title": 1}]}, "itinerary[0].title", "ITINERARY_TITLE_INVALID"),
        ({"itinerary": [{"title": "x" * 256}]}, "itinerary[0].title", "ITINERARY_TITLE_INVALID"),
        ({"itinerary": [{"title": "x", "variantId": 1}]}, "itinerary[0].variantId", "ITINERARY_VARIANT_INVALID"),
        (
            {"itinerary": [{"title": "x", "variantId": "v" * 65}]},
            "itinerary[0].variantId",
            "ITINERARY_VARIANT_INVALID",
        ),
        ({"itinerary": [{"title": "x", "day": 0}]}, "itinerary[0].day", "ITINERARY_DAY_INVALID"),
        ({"itinerary": [{"title": "x", "sortOrder": "1"}]}, "itinerary[0].sortOrder", "ITINERARY_SORT_ORDER_INVALID"),
        (
            {"itinerary": [{"title": "x", "description": "x" * 2001}]},
            "itinerary[0].description",
            "ITINERARY_DESCRIPTION_INVALID",
        ),
        ({"itinerary": [{"title": "x", "location": {}}]}, "itinerary[0].location", "ITINERARY_LOCATION_INVALID"),
        ({"itinerary": [{"title": "x", "startTime": 8}]}, "itinerary[0].startTime", "ITINERARY_START_TIME_INVALID"),
        ({"itinerary": [{"title": "x", "endTime": "x" * 33}]}, "itinerary[0].endTime", "ITINERARY_END_TIME_INVALID"),
        ({"faqs": 1}, "faqs", "FAQS_INVALID"),
        ({"faqs": [{"question": 1, "answer": "x"}]}, "faqs[0].question", "FAQ_QUESTION_INVALID"),
        ({"faqs": [{"question": "x", "answer": ["x"]}]}, "faqs[0].answer", "FAQ_ANSWER_INVALID"),
        ({"faqs": [{"question": "x"}]}, "faqs[0]", "FAQ_REQUIRED"),
        ({"faqs": [{"question": " ", "answer": "x"}]}, "faqs[0]", "FAQ_REQUIRED"),
        ({"highlights": "x"}, "highlights", "HIGHLIGHTS_INVALID"),
        ({"inclusions": [1]}, "inclusions", "INCLUSIONS_INVALID"),
        ({"exclusions": {}}, "exclusions", "EXCLUSIONS_INVALID"),
        ({"additionalInfo": 1}, "additionalInfo", "ADDITIONAL_INFO_INVALID"),
        ({"optionalFeatures": [None]}, "optionalFeatures", "OPTIONAL_FEATURES_INVALID"),
    ],
)
def test_contents_that_are_not_taken(part: dict[str, Any], path: str, code: str) -> None:
    assert codes(read_content({"content": part})) == [(f"content.{path}", f"CATALOG_ITEM_CONTENT_{code}")]


@pytest.mark.parametrize("content", [None, [], "x"])
def test_a_content_is_an_object(content: object) -> None:
    assert codes(read_content({"content": content})) == [("content", "CATALOG_ITEM_CONTENT_INVALID")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**40) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["url", "title", "day", "question", "answer", "sortOrder"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
documents = st.dictionaries(
    st.sampled_from(["slides", "itinerary", "faqs", "highlights", "price", "code"]), json_values
)


@given(documents)
def test_no_body_breaks_a_reader(body: dict[str, Any]) -> None:
    for read in (read_new_item, read_new_variant, read_new_rate, read_item_changes, read_rate_changes):
        read(body)
    content = read_content({"content": body})
    if isinstance(content, Content):
        assert stored_content(content_json(ordered(content))) == ordered(content)
