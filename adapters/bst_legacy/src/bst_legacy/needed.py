"""What the legacy schemas must have: checked before the first row is read, because an empty read is not a pass."""

from collections.abc import Mapping

from bst_domain.migration import LegacySystem

#: Types that a column may have; they are those of the real schemas and what these are altered to without harm.
_INTEGER = frozenset({"integer", "bigint", "smallint"})
_TEXT = frozenset({"text", "character varying", "character", "USER-DEFINED"})
_NUMBER = frozenset({"numeric", "integer", "bigint", "double precision"})
#: Without a zone: the legacy systems write UTC there.
_INSTANT = frozenset({"timestamp without time zone", "timestamp with time zone"})
_FLAG = frozenset({"boolean"})
_JSON = frozenset({"jsonb", "json"})
_DAY = frozenset({"date"})
_CLOCK = frozenset({"time without time zone", "time with time zone"})

Columns = Mapping[str, frozenset[str]]


def _columns(**groups: str) -> Columns:
    kinds = {"i": _INTEGER, "t": _TEXT, "n": _NUMBER, "at": _INSTANT, "b": _FLAG, "j": _JSON, "d": _DAY, "c": _CLOCK}
    return {name: kinds[kind] for kind, names in groups.items() for name in names.split()}


NEEDED: Mapping[LegacySystem, Mapping[str, Columns]] = {
    LegacySystem.SHOP: {
        "Booking": _columns(
            i="booking_id package_id number_of_adult number_of_child",
            t="status status_v2 currency_code booking_ref main_contact_name main_contact_email phone_number meeting_point note",
            n="total_price",
            at="booking_date created_at updated_at",
        ),
        "BookingItem": _columns(
            i="booking_item_id booking_id variant_id departure_id adult_qty child_qty infant_qty",
            t="item_status currency_code",
            n="adult_unit_price child_unit_price discount_amount tax_amount total_amount",
            j="snapshot",
        ),
        "BookingTraveler": _columns(
            i="traveler_id booking_item_id",
            t="traveler_type first_name last_name email phone nationality passport_number special_request",
            d="birth_date",
        ),
        "Payment": _columns(
            i="payment_id booking_id",
            t="payment_method payment_status payment_status_v2 currency_code gateway gateway_order_id gateway_capture_id"
            " payment_ref",
            n="amount",
            at="payment_date",
            j="raw_payload",
        ),
        "TourProduct": _columns(
            i="product_id legacy_package_id priority",
            t="product_name slug short_description description category country_code region base_meeting_point thumbnail_url"
            " color_code",
            b="is_featured is_active",
        ),
        "TourVariant": _columns(
            i="variant_id product_id legacy_package_id duration_days duration_nights min_pax max_pax booking_cutoff_hours",
            t="variant_code variant_name service_type currency_code cancellation_policy",
            b="is_default is_active",
        ),
        "VariantRatePlan": _columns(
            i="rate_plan_id variant_id min_quantity max_quantity",
            t="traveler_type currency_code",
            n="price",
            at="valid_from valid_to",
            b="is_active",
        ),
        "TourProductMedia": _columns(i="media_id product_id sort_order", t="url alt_text", b="is_cover"),
        "TourVariantMedia": _columns(i="media_id variant_id sort_order", t="url alt_text", b="is_cover"),
        "VariantItinerary": _columns(
            i="itinerary_id variant_id day sort_order", t="title description location", c="start_time end_time"
        ),
        "VariantHighlight": _columns(i="highlight_id variant_id sort_order", t="description"),
        "VariantOptionalFeature": _columns(i="feature_id variant_id sort_order", t="description"),
        "VariantAdditionalInfo": _columns(i="info_id variant_id sort_order", t="description"),
        "VariantInclusion": _columns(i="variant_id inclusion_id sort_order", t="note"),
        "VariantExclusion": _columns(i="variant_id exclusion_id sort_order", t="note"),
        "Inclusion": _columns(i="inclusion_id", t="description"),
        "Exclusion": _columns(i="exclusion_id", t="description"),
        "TourPackage": _columns(i="package_id", t="package_name slug", n="price_per_person price_per_child"),
    },
    LegacySystem.ADMIN: {
        "bookings": _columns(
            i="booking_id package_id number_of_adult number_of_child assigned_driver_id",
            t="booking_ref tour_time currency status source main_contact_name main_contact_email phone_number pickup_location"
            " meeting_point note",
            n="total_price",
            at="tour_date assigned_at paid_at created_at updated_at",
            b="is_paid",
        ),
        "booking_finances": _columns(i="booking_finance_id booking_id pattern_id", at="validated_at", b="is_locked"),
        "booking_finance_items": _columns(i="finance_item_id booking_finance_id", b="paid"),
        "tour_packages": _columns(
            i="package_id", t="package_name slug base_currency", n="price_per_person price_per_child"
        ),
    },
}


def missing(found: Mapping[tuple[str, str], str], needed: Mapping[str, Columns]) -> list[str]:
    """What is not there or is something else, one sentence each. ``found``: (table, column) -> data type."""
    tables = {table for table, _ in found}
    problems: list[str] = []
    for table, columns in needed.items():
        if table not in tables:
            problems.append(f'table "{table}" is missing')
            continue
        for column, kinds in columns.items():
            kind = found.get((table, column))
            if kind is None:
                problems.append(f'column "{table}"."{column}" is missing')
            elif kind not in kinds:
                problems.append(f'column "{table}"."{column}" is {kind}, not {" or ".join(sorted(kinds))}')
    return problems
