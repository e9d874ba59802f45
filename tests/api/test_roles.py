"""Every operation that the document guards is guarded as it says: by a token, by a role, and by the roles that it names.

The predecessor had a smoke test of roles that could not pass on its own schema (its defect 60); this one is made from the
document, so that no operation is left out.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from bst_application.ports.access import Role
from tests.api.harness import ADMIN, DOCUMENT, Api


def guarded() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Method, path, and the roles that may."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if operation["security"] and all("adminToken" in one for one in operation["security"]):
                refusal = operation["responses"]["403"]["content"]["application/json"]["example"]["error"]["message"]
                word, _, roles = refusal.partition(":")
                assert word == "ADMIN_ROLE_REQUIRED", f"{method} {path}: the example of 403 says which roles may"
                yield method.upper(), path, tuple(roles.split(","))


GUARDED = list(guarded())


async def ask(api: Api, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str | None]:
    """Status and machine string; of something that is not there, so that nothing is changed."""
    named = re.sub(r"{\w+}", str(uuid4()), path)
    answer = await api.http.request(method, named, headers=headers)
    said: Any = answer.json()
    return answer.status_code, said["error"]["message"] if "error" in said else None


def test_there_are_reads_and_writes() -> None:
    assert len(GUARDED) > 15
    assert {len(roles) for _, _, roles in GUARDED} >= {2, 3}


@pytest.mark.parametrize(("method", "path", "roles"), GUARDED)
async def test_only_the_roles_of_the_document_may(method: str, path: str, roles: tuple[str, ...], api: Api) -> None:
    token = {"authorization": f"Bearer {ADMIN}"}
    assert await ask(api, method, path, {}) == (401, "ADMIN_AUTH_REQUIRED")
    assert await ask(api, method, path, {"authorization": f"Basic {ADMIN}"}) == (401, "ADMIN_AUTH_REQUIRED")
    assert await ask(api, method, path, {"authorization": f"Bearer {ADMIN}x"}) == (401, "INVALID_ADMIN_TOKEN")
    assert await ask(api, method, path, token) == (403, f"ADMIN_ROLE_REQUIRED:{','.join(roles)}")
    for role in (*Role, "GUEST"):
        status, message = await ask(api, method, path, {**token, "x-admin-role": role.lower()})
        if role in roles:
            assert status not in {401, 403}, message
        else:
            assert (status, message) == (403, f"ADMIN_ROLE_FORBIDDEN:{role}")
