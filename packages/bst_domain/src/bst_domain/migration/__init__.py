"""Moving in: what legacy rows say, who wins a conflict, who gets the new path, and whether a gate opens."""

__all__ = []
