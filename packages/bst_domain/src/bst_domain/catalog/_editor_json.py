"""The editor's item as JSON: the answer of every editor call, and what a publish job freezes.

Source of the shape: predecessor, "EditorItem" and its content parts. Members are always present and in this order.
"""

from bst_domain.catalog._editor import Content, EditorItem, EditorRate, EditorVariant, Faq, ItineraryStep, Slide
from bst_domain.catalog._items import JsonObject, json_number


def editor_json(item: EditorItem) -> JsonObject:
    """The whole item. Prices are numbers, as callers expect them."""
    return {
        "itemId": str(item.key),
        "slug": item.slug,
        "name": item.name,
        "description": item.shown_description,
        "isActive": item.is_active,
        "isFeatured": item.is_featured,
        "thumbnailUrl": item.thumbnail_url,
        "content": content_json(item.content),
        "variants": [_variant(item, variant) for variant in item.variants],
    }


def content_json(content: Content) -> JsonObject:
    """The content document: as it is answered, and as it is stored."""
    return {
        "slides": [_slide(slide) for slide in content.slides],
        "itinerary": [_step(step) for step in content.itinerary],
        "highlights": list(content.highlights),
        "inclusions": list(content.inclusions),
        "exclusions": list(content.exclusions),
        "additionalInfo": list(content.additional_info),
        "optionalFeatures": list(content.optional_features),
        "faqs": [_faq(faq) for faq in content.faqs],
    }


def _slide(slide: Slide) -> JsonObject:
    return {
        "url": slide.url,
        "altText": slide.alt_text,
        "isCover": slide.is_cover,
        "sortOrder": slide.sort_order,
    }


def _step(step: ItineraryStep) -> JsonObject:
    return {
        "variantId": step.variant,
        "day": step.day,
        "sortOrder": step.sort_order,
        "title": step.title,
        "description": step.description,
        "location": step.location,
        "startTime": step.start_time,
        "endTime": step.end_time,
    }


def _faq(faq: Faq) -> JsonObject:
    return {"question": faq.question, "answer": faq.answer}


def _variant(item: EditorItem, variant: EditorVariant) -> JsonObject:
    return {
        "variantId": str(variant.key),
        "itemId": str(item.key),
        "code": variant.code,
        "name": variant.name,
        "durationDays": variant.duration_days,
        "currencyCode": variant.currency,
        "isDefault": variant.is_default,
        "isActive": variant.is_active,
        "rates": [_rate(rate) for rate in variant.rates],
    }


def _rate(rate: EditorRate) -> JsonObject:
    return {
        "rateId": str(rate.key),
        "travelerType": rate.traveller,
        "currencyCode": rate.currency,
        "price": json_number(rate.price),
        "minQuantity": rate.min_quantity,
        "maxQuantity": rate.max_quantity,
        "isActive": rate.is_active,
    }
