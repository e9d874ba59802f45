"""The worker process of BST."""
