"""The use cases of BST over ports."""
