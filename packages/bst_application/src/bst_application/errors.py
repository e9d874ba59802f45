"""What may go wrong behind a port. Every adapter translates its library's errors into these; use cases know no others.

All are temporary: the same call may succeed later. Anything else that a port raises is a bug.
"""


class Unavailable(Exception):
    """The outside system cannot be reached, is shutting down, or did not answer in time. Nothing was done."""


class TooSlow(Unavailable):
    """The database answers, but gave up on one statement. Nothing was done; with less at once it may be quick enough."""


class SchemaBehind(Unavailable):
    """Something that the code needs is not in the schema yet: a migration heals it."""


class InDoubt(Unavailable):
    """The connection was lost while the commit was under way: it may have happened or not.

    What was asked must not be repeated as if it were new; a caller's own repeat finds out.
    """


class Conflict(Exception):
    """The database chose this transaction as the loser of a deadlock or serialisation conflict, or a row appeared meanwhile.

    Nothing was written; the same work can be done again at once.
    """


class StillLocked(Conflict):
    """Somebody else held a lock for as long as this one may wait. Nothing was written; to try again at once is to wait again."""


class LegacyUnreadable(Exception):
    """A legacy database cannot be read as back-fill needs it; nothing has been written. Says what, where and the cure."""
