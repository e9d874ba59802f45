"""Counts as a person would say them."""


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 event``, ``2 events``; ``many`` where an s at the end does not do."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
