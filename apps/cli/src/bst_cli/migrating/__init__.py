"""``bst migrate``: two legacy databases become one trusted model, batch by batch."""

from bst_cli.migrating.commands import migrate

__all__ = ["migrate"]
