"""Compares the document with the last released one: what breaks callers needs a new major version, anything else a new minor.

python contracts/compatibility.py              fails when the version does not say what has changed
python contracts/compatibility.py --release    the same, then keeps the document as released/vMAJOR.MINOR.PATCH.json

api-smart-diff, a package for Node, finds the differences; `npm ci --ignore-scripts` in contracts/compatibility installs it. The
policy is docs/api-versions.md.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
TOOL = HERE / "compatibility"
RELEASED = HERE / "released"
DOCUMENT = HERE / "src" / "bst_contracts" / "openapi.json"

Document = dict[str, Any]
#: What a value may look like: an answer that loses one, or a request that gets one, breaks.
SHAPES = frozenset({"pattern", "format", "multipleOf", "contentEncoding", "const"})


class Version(NamedTuple):
    """As semver counts; nothing is released before it is final."""

    major: int
    minor: int
    patch: int

    @classmethod
    def of(cls, text: str) -> "Version":
        """Raises ValueError for anything but three numbers."""
        major, minor, patch = (int(part) for part in text.removeprefix("v").split("."))
        return cls(major, minor, patch)


class Difference(NamedTuple):
    """One difference, where it is used."""

    breaking: bool
    text: str


class ToolMissing(Exception):
    """Nothing can be compared on this machine; the text says what to do."""


def differences(pairs: Mapping[str, tuple[Document, Document]]) -> dict[str, list[Difference]]:
    """By name, what differs between the older and the later document. Raises ToolMissing."""
    node = shutil.which("node")
    if node is None:
        raise ToolMissing("Node is not on PATH; install it, 20 or later")
    if not (TOOL / "node_modules" / "api-smart-diff").exists():
        raise ToolMissing(f"api-smart-diff is not installed; run `npm ci --ignore-scripts` in {TOOL}")
    asked = [{"name": name, "old": old, "new": new} for name, (old, new) in pairs.items()]
    done = subprocess.run(  # noqa: S603 - our own program
        [node, str(TOOL / "differences.mjs")], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    raw: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return {name: [_judged(one, pairs[name][0]) for one in found] for name, found in raw.items()}


def _judged(one: Mapping[str, Any], old: Document) -> Difference:
    path = [str(part) for part in one["path"]]
    change = f"{json.dumps(one.get('before'))[:80]} -> {json.dumps(one.get('after'))[:80]}"
    was_told = path[-2:-1] == ["enum"] and one["action"] == "add" and _grows(old, path[:-2])
    return Difference(not was_told and _breaks(one, path), f"{one['action']} {' '.join(path)}: {change}")


def _grows(document: Document, path: Iterable[str]) -> bool:
    """Whether callers were told that other words may come here."""
    place: Any = document
    for part in path:
        place = place[int(part)] if isinstance(place, list) else place.get(part)
        while isinstance(place, dict) and "$ref" in place:
            place = document["components"]["schemas"][place["$ref"].rpartition("/")[2]]
        if not isinstance(place, dict | list):
            return False
    return "x-grows" in place


def _breaks(one: Mapping[str, Any], path: list[str]) -> bool:
    """The tool's verdict, but for what it takes too lightly: see docs/adr/0007-who-judges-a-change-of-the-wire.md."""
    answers = "responses" in path
    before, after = one.get("before"), one.get("after")
    if path[-1] == "operationId":
        return True  # generated clients call it so
    if "schema" in path and "properties" not in path[-2:]:  # a member may have the name of a keyword
        if path[-1] == "type" or (path[-2] == "type" and path[-1].isdigit()):
            old, new = _words(before), _words(after)
            return not new <= old if answers else not old <= new
        if path[-1] in SHAPES:
            return before is not None if answers else after is not None
    return bool(one["verdict"] == "breaking")


def _words(value: Any) -> set[str]:
    return set() if value is None else {value} if isinstance(value, str) else set(value)


def released() -> tuple[Version, Document]:
    """The newest one."""
    versions = [Version.of(path.stem) for path in RELEASED.glob("v*.json")]
    newest = max(versions)
    return newest, json.loads((RELEASED / f"v{'.'.join(map(str, newest))}.json").read_text("utf-8"))


def problems(last: Version, now: Version, found: Iterable[Difference], *, same: bool) -> Iterator[str]:
    """What the version does not say; empty when all is well. ``same``: the documents are equal but for the version."""
    breaking = [one.text for one in found if one.breaking]
    if now < last:
        yield f"the document's version {_text(now)} is below the released {_text(last)}"
    elif breaking and now.major == last.major:
        yield from (f"breaks callers: {text}" for text in breaking)
        yield f"{_text(now)} breaks what {_text(last)} promised: take it back, or make the version {last.major + 1}.0.0"
    elif not same and now[:2] <= last[:2]:
        yield f"the document has changed since {_text(last)}: make its version {last.major}.{last.minor + 1}.0"


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def main(arguments: list[str]) -> int:
    document = json.loads(DOCUMENT.read_text("utf-8"))
    now = Version.of(document["info"]["version"])
    last, before = released()
    same = {**before, "info": None} == {**document, "info": None}
    try:
        found = [] if same else differences({"released": (before, document)})["released"]
    except ToolMissing as missing:
        print(f"the contract was not compared with {_text(last)}: {missing}", file=sys.stderr)
        return 1
    wrong = list(problems(last, now, found, same=same))
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        return 1
    if "--release" in arguments:
        (RELEASED / f"v{_text(now)}.json").write_text(DOCUMENT.read_text("utf-8"), "utf-8")
    print(f"contract: {_text(now)} keeps what {_text(last)} promised; {len(found)} differences")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
