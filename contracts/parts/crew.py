"""Who runs the tours: drivers and partners."""

from parts.bookings import READY
from parts.repair import WRITE_REFUSALS
from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    TIME,
    Schema,
    act,
    answer,
    flag,
    get,
    instant,
    integer,
    listing,
    obj,
    path,
    ref,
    refusals,
    text,
)

INT4 = {"minimum": 1, "maximum": 2147483647}


def schemas() -> Schema:
    return {
        name: obj(
            {
                member: integer("the old admin's number", **INT4),
                "name": text(maxLength=191),
                "isActive": {**flag, "description": "who is not stays known, but cannot be assigned"},
                "updatedAt": instant,
            }
        )
        for name, member in (("Driver", "driverId"), ("Partner", "partnerId"))
    }


def paths() -> Schema:
    return {path_: entry for kind in ("driver", "partner") for path_, entry in _crew(kind).items()}


def _crew(kind: str) -> Schema:
    schema, member = kind.capitalize(), f"{kind}Id"
    example = {member: 8, "name": "Wayan Artha", "isActive": True, "updatedAt": TIME}
    return {
        f"/v1/ops/{kind}s": get(
            f"list{schema}s",
            "operations",
            f"The {kind}s, by number",
            f"While there are none, any {member} may be assigned.",
            {
                "200": answer("all of them", listing(ref(schema)), [example]),
                **refusals(**{**ADMIN_REFUSALS, "s503": READY}),
            },
            security=ADMIN,
        ),
        f"/v1/ops/{kind}s/{{{member}}}": act(
            "put",
            operation=f"enter{schema}",
            tag="operations",
            summary=f"Enter a {kind}, new or known",
            description="Assignments that there are go on. Audited.",
            responses={
                "200": answer("as it is now", ref(schema), example),
                **refusals(
                    s400=f"INVALID_{kind.upper()}_ID, INVALID_FIELD_NAME, EMPTY_FIELD_NAME, INVALID_FIELD_ISACTIVE,"
                    " INVALID_JSON, INVALID_BODY",
                    s413="BODY_TOO_LARGE",
                    **{**WRITE_REFUSALS, "s503": READY},
                ),
            },
            parameters=[path(member, "a number from 1 on")],
            body={
                "type": "object",
                "required": ["name"],
                "properties": {"name": text(minLength=1, maxLength=191), "isActive": flag},
            },
        ),
    }
