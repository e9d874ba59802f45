"""The bst command."""
