"""Reads typed values from an environment, and collects everything that is wrong with it as sentences with their cures."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from bst_application.flags import FALSE_WORDS, TRUE_WORDS

FERNET_KEY_BYTES: Final = 32
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9}")


class EnvironmentReader:
    """What cannot be read counts as its default, and is in ``problems``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def first(self, *names: str) -> str | None:
        """The first that is set."""
        for name in names:
            if value := self._environ.get(name, "").strip():
                return value
        return None

    def word(self, name: str, default: str, known: Sequence[str]) -> str:
        """One of the known words, in any case."""
        said = self._environ.get(name, "").strip().lower()
        if not said:
            return default
        found = next((word for word in known if word.lower() == said), None)
        if found is None:
            self.problems.append(f"{name} must be one of {', '.join(known)}")
        return found or default

    def flag(self, name: str, default: bool) -> bool:
        """A switch."""
        word = self._environ.get(name, "").strip().lower()
        if word and word not in TRUE_WORDS | FALSE_WORDS:
            self.problems.append(f"{name} must be one of true, false, 1, 0, yes, no, on, off")
        return word in TRUE_WORDS if word else default

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number within bounds."""
        text = self._environ.get(name, "").strip()
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            self.problems.append(f"{name} must be a whole number from {least} to {most}")
            return default
        return int(text)

    def decimal(self, name: str, default: Decimal, *, most: int) -> Decimal:
        """A number from 0 to ``most``."""
        text = self._environ.get(name, "").strip()
        if not text:
            return default
        if not _DECIMAL.fullmatch(text) or Decimal(text) > most:
            self.problems.append(f"{name} must be a number from 0 to {most}, such as {default}")
            return default
        return Decimal(text)

    def fernet_keys(self, name: str) -> tuple[str, ...]:
        """Comma-separated keys, the newest first, each 32 bytes in URL-safe base64."""
        keys = tuple(part.strip() for part in self._environ.get(name, "").split(",") if part.strip())
        if all(map(_is_fernet_key, keys)):
            return keys
        self.problems.append(
            f"{name} must hold keys of 32 bytes in URL-safe base64, separated by commas; make one with"
            " `openssl rand -base64 32 | tr '+/' '-_'`"
        )
        return ()


def _is_fernet_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.encode(), altchars=b"-_", validate=True)) == FERNET_KEY_BYTES
    except (binascii.Error, ValueError):
        return False
