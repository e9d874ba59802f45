"""A failure that a person can do something about: what, where and the cure, and no traceback."""


class Trouble(Exception):
    """Ends a command with exit code 1. ``cure`` is a sentence, or several."""

    def __init__(self, what: str, cure: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure
