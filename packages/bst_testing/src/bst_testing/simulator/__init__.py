"""The real use cases over ports in memory, under a seeded scheduler that duplicates, reorders, delays and crashes.

``simulate(seed)`` tells one story and says which promises were broken in it. The same seed is the same story.
"""

from bst_testing.simulator._run import Story, simulate

__all__ = ["Story", "simulate"]
