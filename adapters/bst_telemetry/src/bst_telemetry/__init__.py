"""Log lines, metrics and traces of BST."""
