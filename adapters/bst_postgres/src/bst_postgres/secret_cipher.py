"""Secrets at rest: encrypted under keys that are not in the database.

Fernet (AES-128-CBC with HMAC-SHA256). The first key encrypts, each of them opens: a new key goes to the front, everything is
encrypted again, the old one is taken away. What is encrypted begins with the row's own id, so that a ciphertext that somebody
copies to another row opens there to nothing.
"""

from collections.abc import Sequence
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bst_application.ports.access import SecretsKeyMissing


class SecretCipher:
    """``keys``: URL-safe base64 of 32 bytes each, the newest first; none opens nothing. Raises ValueError for other texts."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None
        self._opened: dict[tuple[UUID, str], str] = {}

    def close(self, row: UUID, secret: str) -> str:
        """The ciphertext. Raises SecretsKeyMissing."""
        if self._fernet is None:
            raise SecretsKeyMissing("BST_SECRETS_KEY is not set")
        return self._fernet.encrypt(f"{row}:{secret}".encode()).decode()

    def open(self, row: UUID, ciphertext: str) -> str | None:
        """The secret; None when no key of ours made it, or it was made for another row."""
        if self._fernet is None:
            return None
        known = self._opened.get((row, ciphertext))
        if known is not None:  # the same few are read every other second
            return known
        try:
            whose, _, secret = self._fernet.decrypt(ciphertext.encode()).decode().partition(":")
        except (InvalidToken, UnicodeError):
            return None
        if whose != str(row):
            return None
        if len(self._opened) > 1000:
            self._opened.clear()
        self._opened[row, ciphertext] = secret
        return secret
