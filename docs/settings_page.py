"""The page of settings: names, values and defaults as the processes read them, in the order in which they read them.

The processes are asked: an environment that notes what is looked up is given to the function that reads the settings. What a
setting means stands here, and ``page`` fails where a name has no meaning or a meaning has no name any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from unittest.mock import patch

import click
from attrs import frozen

from bst_application import settings
from bst_application.environment import EnvironmentReader
from bst_application.flags import DEFAULTS, Flag, FlagKind, kind_of
from bst_application.settings import BadSettings, settings_from
from bst_cli.main import main
from docs.settings_meanings import NOT_READ, OF_COMMANDS, SECTIONS, Meaning

MADE: Final = "<!-- Made by docs/build.py from what the processes read; a change here would be lost. -->"
INTRO: Final = """# Settings

Everything is set by the environment, under the names of the predecessor where it had one; `--env-file FILE` adds a file, and
the environment wins. What is wrong is said all at once when a process starts, each problem with its cure, and `bst doctor` says
it before. Unset and blank are the default. A switch is one of true, 1, yes, on; false, 0, no, off, in any letter case. What
production needs is in [security.md](security.md#settings-for-production).

Give the API and the workers the same environment: each takes from it what concerns it. Switches that are turned while everything
runs are said here as they begin; an override ([bst flags](../apps/cli/README.md#bst-flags)) holds against the environment."""
KINDS: Final[Mapping[FlagKind, str]] = {
    FlagKind.SWITCH: "switch",
    FlagKind.PERCENTAGE: "0 to 100",
    FlagKind.LIST: "list, by commas",
}


@frozen
class Said:
    """How a value is written, what holds without one, and the names that count where the first is not set."""

    values: str
    default: str
    others: tuple[str, ...] = ()


class Noting(dict[str, str]):
    """An environment that notes which names are looked up."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.asked: dict[str, None] = {}

    def get(self, name: str, default: Any = None) -> Any:
        self.asked[name] = None
        return super().get(name, default)


def as_read() -> dict[str, Said]:
    """Every name that the settings of a process are read from, with what the reader says of it."""
    said: dict[str, Said] = {}

    class Telling(EnvironmentReader):
        def first(self, *names: str) -> str | None:
            said[names[0]] = Said("text", "not set", names[1:])
            return super().first(*names)

        def word(self, name: str, default: str, known: Sequence[str]) -> str:
            said[name] = Said(" or ".join(known), default)
            return super().word(name, default, known)

        def flag(self, name: str, default: bool) -> bool:
            said[name] = Said("switch", str(default).lower())
            return super().flag(name, default)

        def number(self, name: str, default: int, least: int, most: int) -> int:
            said[name] = Said(f"{least} to {most}", str(default))
            return super().number(name, default, least, most)

        def decimal(self, name: str, default: Decimal, *, most: int) -> Decimal:
            said[name] = Said(f"0 to {most}", str(default))
            return super().decimal(name, default, most=most)

        def fernet_keys(self, name: str) -> tuple[str, ...]:
            said[name] = Said("keys, by commas", "none")
            return super().fernet_keys(name)

    asked: dict[str, None] = {}
    with patch.object(settings, EnvironmentReader.__name__, Telling):
        for given in ({"BST_ENV": "production"}, {}):  # the last to say a default is development
            environ = Noting(given)
            try:
                settings_from(environ)
            except BadSettings:
                assert given, "nothing has to be set in development"
            asked |= environ.asked
    said |= {flag.value: Said(KINDS[kind_of(flag)], DEFAULTS[flag] or "nobody") for flag in Flag}
    others = {other for one in said.values() for other in one.others}
    return {name: said.get(name, Said("text", "not set")) for name in asked if name not in others}


def page() -> str:
    """The whole page. Raises LookupError where names and meanings are not the same."""
    read = as_read()
    meant = {name: one for section in SECTIONS.values() for name, one in section.items()}
    own = {name for name, one in meant.items() if one.values is not None and one.default is not None}
    if odd := (read.keys() - meant.keys()) | (meant.keys() - read.keys() - own):
        raise LookupError(f"docs/settings_meanings.py does not fit what is read: {sorted(odd)}")
    lines = [MADE, "", INTRO, ""]
    for title, section in SECTIONS.items():
        lines += [f"## {title}", "", "| name | values | default | read by | meaning |", "|---|---|---|---|---|"]
        lines += [row(name, read.get(name), one) for name, one in section.items()]
        lines += [""]
    lines += ["## Commands", "", "What `bst` reads beside the settings above.", ""]
    lines += ["| name | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {default} | {text} |" for name, (default, text) in OF_COMMANDS.items()]
    lines += [
        "",
        "Options of gates, drills and loads are settings, too. What they are about is in [gates.md](gates.md).",
        "",
    ]
    lines += ["| name, then its stand-in | values | default | option |", "|---|---|---|---|", *options(main, "bst")]
    lines += ["", "## Not read any more", "", "The predecessor's names that change nothing here.", ""]
    lines += ["| name | why |", "|---|---|"]
    lines += [f"| {', '.join(f'`{name}`' for name in names)} | {why} |" for names, why in NOT_READ.items()]
    return "\n".join(lines) + "\n"


def row(name: str, read: Said | None, one: Meaning) -> str:
    said = read or Said("", "")
    names = ", then ".join(f"`{each}`" for each in (name, *said.others))
    return f"| {names} | {one.values or said.values} | {one.default or said.default} | {one.by} | {one.text} |"


def options(command: click.Command, path: str) -> Iterator[str]:
    """A row for each option that the environment may say, of a command and all below it."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from options(below, f"{path} {name}")
    for option in command.params:
        if isinstance(option, click.Option) and option.envvar:
            names = [option.envvar] if isinstance(option.envvar, str) else option.envvar
            default = "none" if option.default is None else str(option.default)
            default = default.lower() if option.type is click.BOOL else default
            shown = ", then ".join(f"`{name}`" for name in names)
            yield f"| {shown} | {kind(option.type)} | {default} | `{path} {option.opts[0]}` |"


def kind(of: Any) -> str:
    """How a value is written."""
    match of:
        case click.IntRange() | click.FloatRange():
            least = "" if of.min is None else f" from {of.min}"
            most = "" if of.max is None else f" to {of.max}"
            return f"{'whole number' if isinstance(of, click.IntRange) else 'number'}{least}{most}"
        case click.Choice():
            return " or ".join(map(str, of.choices))
        case _:
            name = str(of.name)
            return {"boolean": "switch", "integer": "whole number", "float": "number"}.get(name, name)
