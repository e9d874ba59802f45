"""``bst migrate``: two legacy databases become one trusted model, batch by batch."""

from bst_cli.migrating.commands import migrate
from bst_cli.migrating.cutover_commands import with_cutover

with_cutover(migrate)

__all__ = ["migrate"]
