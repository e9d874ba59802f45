"""The HTTP API of BST."""
