"""``bst recon``: whether what was moved in is what it must be, and the daily look at whether it agrees with itself."""

from bst_cli.recon.commands import recon

__all__ = ["recon"]
