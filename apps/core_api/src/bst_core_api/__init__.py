"""The API process of BST."""
