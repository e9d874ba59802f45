"""Products and variants: matching legacy rows, and the item that callers are served."""

__all__ = []
