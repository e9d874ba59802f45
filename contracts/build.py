"""Builds openapi.json from its parts, so that shapes that recur stand once.

python contracts/build.py            writes src/bst_contracts/openapi.json
tests/contracts/test_openapi.py      fails when the checked-in file differs from what this makes
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # the parts lie beside this script, which is not installed

from parts import (
    audit,
    bookings,
    catalog_editor,
    catalog_shapes,
    crew,
    cutover,
    flags,
    ingest,
    mapping_shapes,
    mappings,
    observing,
    observing_shapes,
    operations,
    public_catalog,
    publishing,
    publishing_shapes,
    repair,
    schemas,
    unmapped,
)
from parts.examples import with_examples
from parts.shapes import GUARD_ANSWERS, guard_responses

HERE = Path(__file__).parent / "src" / "bst_contracts"
VERSION = "1.2.0"  # docs/api-versions.md says when it moves; contracts/released/ has the ones that callers rely on

Schema = dict[str, Any]


def document() -> Schema:
    return with_examples(described())


def described() -> Schema:
    """As the parts say it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "BST core API",
            "version": VERSION,
            "summary": "Signed events in, trusted bookings out",
            "description": "Every JSON answer is an envelope: data and meta, or error. Callers read error.message first.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:4000", "description": "bst up"}],
        "tags": [
            {"name": name}
            for name in (
                "ingest",
                "repair",
                "audit",
                "flags",
                "bookings",
                "operations",
                "cutover",
                "mappings",
                "catalog",
                "metrics",
                "health",
                "documents",
            )
        ],
        "paths": behind_the_guard(
            together(
                ingest.paths(),
                repair.paths(),
                audit.paths(),
                flags.paths(),
                bookings.paths(),
                operations.paths(),
                crew.paths(),
                cutover.paths(),
                mappings.paths(),
                unmapped.paths(),
                catalog_editor.paths(),
                public_catalog.paths(),
                publishing.paths(),
                observing.paths(),
            )
        ),
        "components": {
            "schemas": {
                **schemas.schemas(),
                **observing_shapes.schemas(),
                **repair.schemas(),
                **audit.schemas(),
                **flags.schemas(),
                **operations.schemas(),
                **crew.schemas(),
                **cutover.schemas(),
                **catalog_shapes.schemas(),
                **publishing_shapes.schemas(),
                **mapping_shapes.schemas(),
                **observing.schemas(),
            },
            "responses": guard_responses(),
            "securitySchemes": {
                "serviceToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "INGEST_SERVICE_TOKEN, which may send every source, or a producer's token, which is limited"
                    " to the sources that it was given",
                },
                "adminToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "CORE_API_ADMIN_TOKEN, which needs x-admin-role, or a principal's token, whose role it can"
                    " only lower",
                },
                "adminRole": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-admin-role",
                    "description": "ADMIN, STAFF or MANAGER",
                },
            },
        },
    }


def together(*parts: Schema) -> Schema:
    """The paths of all parts. Two parts may have methods of one path, but not the same one."""
    paths: Schema = {}
    for part in parts:
        for path, methods in part.items():
            known = paths.setdefault(path, {})
            assert not known.keys() & methods.keys(), f"two parts describe {path}"
            known |= methods
    return paths


def behind_the_guard(paths: Schema) -> Schema:
    """Every operation may also be answered by what stands before it."""
    for methods in paths.values():
        for operation in methods.values():
            operation["responses"] |= {
                status: {"$ref": f"#/components/responses/{name}"} for status, name in GUARD_ANSWERS.items()
            }
    return paths


def rendered() -> str:
    """The file, byte for byte."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (HERE / "openapi.json").write_text(rendered(), "utf-8")
