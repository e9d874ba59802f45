"""Fakes, strategies and conformance suites for BST's ports."""
