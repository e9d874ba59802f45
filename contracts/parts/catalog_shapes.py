"""What the catalog's editor sends and gets: schemas, an example, and the codes of what is refused."""

from parts.shapes import UUID, Schema, enum, flag, integer, listing, maybe, number, obj, ref, text, uuid

VARIANT, RATE = UUID[:-1] + "2", UUID[:-1] + "3"
CONTENT_EXAMPLE: Schema = {
    "slides": [{"url": "https://cdn.example.org/ubud.jpg", "altText": "Rice", "isCover": True, "sortOrder": 1}],
    "itinerary": [
        {
            "variantId": None,
            "day": 1,
            "sortOrder": 1,
            "title": "Tegalalang",
            "description": "Rice terraces.\nThen coffee.",
            "location": "Tegalalang",
            "startTime": "08:00",
            "endTime": None,
        }
    ],
    "highlights": ["Rice terraces"],
    "inclusions": ["Driver"],
    "exclusions": [],
    "additionalInfo": [],
    "optionalFeatures": [],
    "faqs": [{"question": "When do we start?", "answer": "At 8."}],
}
EXAMPLE: Schema = {
    "itemId": UUID,
    "slug": "ubud-by-day",
    "name": "Ubud by day",
    "description": "Rice and monkeys.",
    "isActive": True,
    "isFeatured": False,
    "thumbnailUrl": None,
    "content": CONTENT_EXAMPLE,
    "variants": [
        {
            "variantId": VARIANT,
            "itemId": UUID,
            "code": "SHARED",
            "name": "Shared car",
            "durationDays": 1,
            "currencyCode": "USD",
            "isDefault": True,
            "isActive": True,
            "rates": [
                {
                    "rateId": RATE,
                    "travelerType": "ADULT",
                    "currencyCode": "USD",
                    "price": 50,
                    "minQuantity": None,
                    "maxQuantity": None,
                    "isActive": True,
                }
            ],
        }
    ],
}
PART = "CATALOG_ITEM_CONTENT_"
CURRENCY = text("its first three letters count; USD when absent")

_CURRENCY_CODE = "CATALOG_CURRENCY_CODE_INVALID"
RATE_CODES = (
    f"CATALOG_TRAVELER_TYPE_INVALID, {_CURRENCY_CODE}, CATALOG_RATE_PRICE_INVALID, CATALOG_RATE_MIN_QUANTITY_INVALID,"
    " CATALOG_RATE_MAX_QUANTITY_INVALID, CATALOG_RATE_QUANTITY_RANGE_INVALID, CATALOG_RATE_IS_ACTIVE_INVALID"
)
VARIANT_CODES = (
    "CATALOG_VARIANT_CODE_REQUIRED, CATALOG_VARIANT_NAME_REQUIRED, CATALOG_VARIANT_DURATION_DAYS_INVALID,"
    f" {_CURRENCY_CODE}, CATALOG_VARIANT_IS_DEFAULT_INVALID, CATALOG_VARIANT_IS_ACTIVE_INVALID, CATALOG_VARIANT_RATES_INVALID"
)
ITEM_CODES = (
    "CATALOG_ITEM_SLUG_REQUIRED, CATALOG_ITEM_SLUG_RESERVED, CATALOG_ITEM_NAME_REQUIRED, CATALOG_ITEM_DESCRIPTION_INVALID,"
    " CATALOG_ITEM_THUMBNAIL_URL_INVALID, CATALOG_ITEM_IS_ACTIVE_INVALID, CATALOG_ITEM_IS_FEATURED_INVALID,"
    " CATALOG_ITEM_VARIANTS_INVALID"
)
CONTENT_CODES = ", ".join(
    PART + code
    for code in (
        "INVALID",
        *(
            f"{part}_INVALID"
            for part in (
                *("SLIDES", "ITINERARY", "FAQS", "HIGHLIGHTS", "INCLUSIONS", "EXCLUSIONS"),
                *("ADDITIONAL_INFO", "OPTIONAL_FEATURES"),
            )
        ),
        *("SLIDE_URL_REQUIRED", "SLIDE_URL_INVALID", "SLIDE_ALT_TEXT_INVALID", "SLIDE_SORT_ORDER_INVALID"),
        "ITINERARY_TITLE_REQUIRED",
        *(
            f"ITINERARY_{member}_INVALID"
            for member in (
                *("TITLE", "VARIANT", "DAY", "SORT_ORDER", "DESCRIPTION", "LOCATION", "START_TIME", "END_TIME"),
            )
        ),
        *("FAQ_QUESTION_INVALID", "FAQ_ANSWER_INVALID", "FAQ_REQUIRED"),
    )
)


def schemas() -> Schema:
    slide = obj(
        {
            "url": text(maxLength=2048),
            "altText": maybe(text(maxLength=255)),
            "isCover": {**flag, "description": "of several slides one is"},
            "sortOrder": integer(minimum=0),
        }
    )
    step = obj(
        {
            "variantId": maybe(text()),
            "day": integer(minimum=1),
            "sortOrder": integer(minimum=0),
            "title": text(),
            "description": maybe(text()),
            "location": maybe(text()),
            "startTime": maybe(text()),
            "endTime": maybe(text()),
        }
    )
    texts = listing(text(maxLength=500))
    rate = obj(
        {
            "rateId": uuid,
            "travelerType": text("ADULT, CHILD or INFANT; an older row may have a word of its own"),
            "currencyCode": text(),
            "price": number,
            "minQuantity": maybe(integer()),
            "maxQuantity": maybe(integer()),
            "isActive": flag,
        }
    )
    variant = obj(
        {
            "variantId": uuid,
            "itemId": uuid,
            "code": text(),
            "name": text(),
            "durationDays": integer(),
            "currencyCode": text(),
            "isDefault": {**flag, "description": "of the active variants exactly one is"},
            "isActive": flag,
            "rates": listing(ref("EditorRate")),
        }
    )
    return {
        "EditorContent": obj(
            {
                "slides": listing(slide),
                "itinerary": listing(step),
                "highlights": texts,
                "inclusions": texts,
                "exclusions": texts,
                "additionalInfo": texts,
                "optionalFeatures": texts,
                "faqs": listing(obj({"question": text(), "answer": text()})),
            }
        ),
        "EditorRate": rate,
        "EditorVariant": variant,
        "EditorItem": obj(
            {
                "itemId": uuid,
                "slug": text(),
                "name": text(),
                "description": text("empty where there is none"),
                "isActive": flag,
                "isFeatured": flag,
                "thumbnailUrl": maybe(text()),
                "content": ref("EditorContent"),
                "variants": listing(ref("EditorVariant")),
            },
            "Variants: the default first, then the newest change. Rates by traveller, numbers and price.",
        ),
        "RateInput": _input(_RATE, "travelerType", "price"),
        "VariantInput": _input({**_VARIANT, "rates": maybe(listing(ref("RateInput")))}, "code", "name"),
        "ItemInput": _input({**_ITEM, "variants": maybe(listing(ref("VariantInput")))}, "slug", "name"),
        "RateChanges": _input(_RATE),
        "VariantChanges": _input(_VARIANT),
        "ItemChanges": _input(_ITEM),
        "ContentInput": _content_input(),
    }


_ITEM: Schema = {
    "slug": text("in lower case, with - for everything but letters and digits; at most 191 are kept"),
    "name": text("white space is one blank; at most 255 are kept"),
    "description": maybe(text("line breaks stay")),
    "isActive": flag,
    "isFeatured": flag,
    "thumbnailUrl": maybe(text()),
}
_VARIANT: Schema = {
    "code": text("in upper case, with - for everything but letters, digits, _ and -; at most 64 are kept"),
    "name": text("at most 255 are kept"),
    "durationDays": integer("1 when absent", minimum=1, maximum=2**31 - 1),
    "currencyCode": CURRENCY,
    "isDefault": flag,
    "isActive": flag,
}
_RATE: Schema = {
    "travelerType": enum("ADULT", "CHILD", "INFANT"),
    "currencyCode": CURRENCY,
    "price": {"type": ["number", "string"], "description": "at least 0, rounded to the cent", "minimum": 0},
    "minQuantity": maybe(integer(minimum=1, maximum=2**31 - 1)),
    "maxQuantity": maybe(integer(minimum=1, maximum=2**31 - 1)),
    "isActive": flag,
}


def _input(members: Schema, *required: str) -> Schema:
    """What is sent; unknown members are ignored. Of what is to be made, null is absent; a change names at least one member."""
    return {
        "type": "object",
        "properties": members,
        **({"required": list(required)} if required else {"minProperties": 1}),
    }


def _content_input() -> Schema:
    count, line, lines = integer(minimum=0, maximum=2**31 - 1), maybe(text(maxLength=255)), maybe(text(maxLength=2000))
    slide = _input({"url": text(maxLength=2048), "altText": line, "isCover": flag, "sortOrder": maybe(count)}, "url")
    step = _input(
        {
            "variantId": maybe(
                text("the variant that it is for, as the editor writes it: it is not looked up", maxLength=64)
            ),
            "day": maybe({**count, "minimum": 1}),
            "sortOrder": maybe(count),
            "title": text(maxLength=255),
            "description": lines,
            "location": line,
            "startTime": maybe(text(maxLength=32)),
            "endTime": maybe(text(maxLength=32)),
        },
        "title",
    )
    faq = _input({"question": text(maxLength=255), "answer": text(maxLength=2000)}, "question", "answer")
    texts = maybe(listing(text("at most 500 are kept; blanks and repeats are dropped")))
    parts = {
        "slides": maybe(listing(slide)),
        "itinerary": maybe(listing(step)),
        **dict.fromkeys(("highlights", "inclusions", "exclusions", "additionalInfo", "optionalFeatures"), texts),
        "faqs": maybe(listing(faq)),
    }
    return _input({"content": {"type": "object", "properties": parts}}, "content")
