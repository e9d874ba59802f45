"""Builds the pages that are made from the code: lifecycles/ from the tables, reference.md from the docstrings, settings.md from
what the processes read.

python docs/build.py                 writes them
tests/domain/test_docs.py            fails when a checked-in page differs from what this makes
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

sys.path.insert(0, str(Path(__file__).parents[1]))  # the modules beside this script are not installed

import bst_domain
from bst_domain import booking, catalog, cutover, gates, ingest, lifecycles, migration, values, vocabulary
from bst_domain.lifecycles import Lifecycle
from docs import settings_page

HERE = Path(__file__).parent
CHAPTERS: tuple[ModuleType, ...] = (values, vocabulary, lifecycles, booking, catalog, ingest, migration, gates, cutover)
#: Page -> (the table, the module that it stands in).
LIFECYCLES: Mapping[str, Lifecycle[Any]] = {
    "event": lifecycles.EVENT,
    "dead-letter": lifecycles.DEAD_LETTER,
    "unmapped-entry": lifecycles.UNMAPPED,
    "channel-mapping": lifecycles.MAPPING,
    "publish-job": lifecycles.PUBLISH_JOB,
    "payment-status": lifecycles.PAYMENT,
    "fulfilment-status": lifecycles.FULFILMENT,
}
MADE = "<!-- Made by docs/build.py from the tables in bst_domain; a change here would be lost. -->"
#: Above this, arrows in a diagram are a knot and the table alone is shown.
MOST_ARROWS = 20


def pages() -> dict[Path, str]:
    """Path -> text of every page that is made."""
    made = {HERE / "lifecycles" / f"{name}.md": lifecycle_page(lifecycle) for name, lifecycle in LIFECYCLES.items()}
    made[HERE / "lifecycles" / "README.md"] = index_page()
    made[HERE / "reference.md"] = reference_page()
    made[HERE / "settings.md"] = settings_page.page()
    return made


def home_of(lifecycle: Lifecycle[Any]) -> ModuleType:
    """The private module in which a table is defined."""
    for module in modules_of(lifecycles):
        if any(getattr(module, name) is lifecycle for name in defined_in(module)):
            return module
    raise LookupError(lifecycle.title)


def lifecycle_page(lifecycle: Lifecycle[Any]) -> str:
    """A diagram, a table, and what the table's module says of it."""
    module = home_of(lifecycle)
    said = inspect.cleandoc(module.__doc__ or "")
    path = f"../../packages/bst_domain/src/{module.__name__.replace('.', '/')}.py"
    lines = [MADE, "", f"# Lifecycle: {lifecycle.title}", "", said, "", f"Table: [`{module.__name__}`]({path})", ""]
    arrows = [(status, successor) for status, ends in lifecycle.transitions.items() for successor in sorted(ends)]
    if len(arrows) <= MOST_ARROWS:
        lines += ["```mermaid", "stateDiagram-v2"]
        starts = sorted(lifecycle.starts)
        lines += [f"    [*] --> {status}" for status in starts] if len(starts) < len(lifecycle.transitions) else []
        lines += [f"    {status} --> {successor}" for status, successor in arrows]
        lines += [f"    {status} --> [*]" for status in sorted(lifecycle.terminals)]
        lines += ["```", ""]
    lines += ["| from | may become |", "|---|---|"]
    for status, successors in lifecycle.transitions.items():
        begins = " (start)" if status in lifecycle.starts and len(lifecycle.starts) < len(lifecycle.transitions) else ""
        lines.append(f"| {status}{begins} | {', '.join(sorted(successors)) or 'nothing: final'} |")
    return "\n".join(lines) + "\n"


def index_page() -> str:
    """All lifecycles on one page."""
    lines = [MADE, "", "# Lifecycles", "", "Nothing changes its status but along these tables.", ""]
    lines += ["| of | statuses | begins as | final |", "|---|---|---|---|"]
    for name, lifecycle in LIFECYCLES.items():
        anywhere = len(lifecycle.starts) == len(lifecycle.transitions)
        starts = "any" if anywhere else ", ".join(sorted(lifecycle.starts))
        final = ", ".join(sorted(lifecycle.terminals)) or "none"
        lines.append(f"| [{lifecycle.title}]({name}.md) | {len(lifecycle.transitions)} | {starts} | {final} |")
    return "\n".join(lines) + "\n"


def reference_page() -> str:
    """Every public name, by chapter and module, with what its docstring says."""
    lines = [
        MADE.replace("the tables in bst_domain", "the docstrings of bst_domain"),
        "",
        "# Reference: bst_domain",
        "",
    ]
    lines += [inspect.cleandoc(bst_domain.__doc__ or ""), ""]
    lines += ["Names in **bold** are exported by `bst_domain` itself; all are exported by their chapter.", ""]
    for chapter in CHAPTERS:
        lines += [f"## `{chapter.__name__}`", "", inspect.cleandoc(chapter.__doc__ or ""), ""]
        for module, names in by_module(chapter):
            lines += [f"### {module.__name__.rsplit('.', 1)[1].strip('_').replace('_', ' ')}", ""]
            lines += [inspect.cleandoc(module.__doc__ or ""), ""]
            for name in names:
                lines += list(entry(name, getattr(chapter, name), module))
    return "\n".join(lines).rstrip() + "\n"


def modules_of(chapter: ModuleType) -> list[ModuleType]:
    """The chapter's private modules, in alphabetical order."""
    members = inspect.getmembers(chapter, inspect.ismodule)
    return [module for _, module in members if module.__name__.startswith(f"{chapter.__name__}._")]


def defined_in(module: ModuleType) -> dict[str, int]:
    """Name -> line, for everything that the module itself defines at its top level."""
    found: dict[str, int] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = node.lineno
            case ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = node.lineno
    return found


def by_module(chapter: ModuleType) -> Iterator[tuple[ModuleType, list[str]]]:
    """The chapter's modules with the public names that each defines, in the order of the source."""
    for module in modules_of(chapter):
        lines = defined_in(module)
        names = sorted((name for name in chapter.__all__ if name in lines), key=lines.__getitem__)
        if names:
            yield module, names


def entry(name: str, value: Any, module: ModuleType) -> Iterator[str]:
    """One public name: its signature or members, and its docstring."""
    shown = code(name, name)
    if inspect.isfunction(value):
        yield f"- {code(name, f'{name}{signature(value)}')}"
        yield from indented(value.__doc__)
    elif inspect.isclass(value) and issubclass(value, Enum):
        yield f"- {shown} (words): {', '.join(f'`{member.value}`' for member in value)}"
        yield from indented(own_doc(value))
    elif inspect.isclass(value):
        fields = [field for field in attrs.fields(value) if field.init] if attrs.has(value) else []
        yield f"- {shown}" + (
            f": {', '.join(f'`{field.name}: {kind(field.type)}`' for field in fields)}" if fields else ""
        )
        yield from indented(own_doc(value))
        for method, function in vars(value).items():
            target = function.fget if isinstance(function, property) else function
            if not method.startswith("_") and inspect.isfunction(target) and target.__doc__:
                call = "" if isinstance(function, property) else signature(target)
                yield f"  - `{method}{call}`: {inspect.cleandoc(target.__doc__).splitlines()[0]}"
    else:
        yield f"- {shown}" + (f" = `{value!r}`" if isinstance(value, int | str) else "")
        yield from indented(comment_above(name, module))
    yield ""


def code(name: str, text: str) -> str:
    """As code; bold for what the package itself exports."""
    return f"**`{text}`**" if name in bst_domain.__all__ else f"`{text}`"


def own_doc(value: type) -> str | None:
    """A class's own docstring; not its base's, nor one that a library made."""
    said = vars(value).get("__doc__")
    return said if isinstance(said, str) and not said.startswith("Method generated") else None


def comment_above(name: str, module: ModuleType) -> str | None:
    """What stands beside a constant: the ``#:`` lines above it, or the string below it."""
    lines = inspect.getsource(module).splitlines()
    at = defined_in(module)[name] - 1
    above: list[str] = []
    while lines[at - 1 - len(above)].startswith("#:"):
        above.append(lines[at - 1 - len(above)].removeprefix("#:").strip())
    if above:
        return " ".join(reversed(above))
    below = next((line for line in lines[at + 1 :] if not line.startswith((" ", ")", "}"))), "")
    return below.strip('"') if below.startswith('"""') else None


def signature(function: Any) -> str:
    """The signature without the noise of module paths."""
    return clean(str(inspect.signature(function)))


def kind(annotation: object) -> str:
    """A type as it is written in code."""
    return clean(annotation if isinstance(annotation, str) else inspect.formatannotation(annotation))


def clean(text: str) -> str:
    """Without module paths."""
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z_])", "", text).replace("'", "")


def indented(said: str | None) -> Iterator[str]:
    """A docstring under its bullet."""
    for line in inspect.cleandoc(said or "").splitlines():
        yield f"  {line}" if line else ""


def main() -> None:
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
