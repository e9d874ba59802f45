"""Servers that come with the package, for a machine that has only Python."""
