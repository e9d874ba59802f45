"""``bst cutover``: reads and writes move from the old admin to core, and back, by flags."""

from bst_cli.cutting_over.commands import cutover

__all__ = ["cutover"]
