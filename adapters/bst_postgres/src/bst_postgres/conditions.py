"""Conditions of a list: those that were asked for, and where the last page ended."""

import re
from collections.abc import Mapping
from typing import Any

from bst_application.ports.reading import Position

_PARAMETER = re.compile(r":(\w+)$")
_NAMED = re.compile(r"(?<!:):([a-z_]+)")


class Conditions:
    """SQL with named parameters. The SQL is ours, the values are the caller's; a value of None is no condition."""

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        self._conditions: list[str] = ["true"]
        self.values: dict[str, Any] = {}
        for condition, value in wanted.items():
            if value is not None:
                named = _PARAMETER.search(condition)
                assert named is not None, condition
                self._conditions.append(condition)
                self.values[named[1]] = value

    def behind(self, position: Position | None, at: str, key: str) -> None:
        """What comes after this position in an order by ``at`` and ``key``, both descending."""
        if position is not None:
            self._conditions.append(f"({at}, {key}) < (:after_at, :after_key)")
            self.values |= {"after_at": position.at, "after_key": position.key}

    @staticmethod
    def as_psycopg(query: str) -> str:
        """A query of ours with its ``:name`` parameters as psycopg spells them; casts (``::``) stay."""
        return _NAMED.sub(r"%(\1)s", query)

    @property
    def sql(self) -> str:
        """For ``where``."""
        return " and ".join(self._conditions)
