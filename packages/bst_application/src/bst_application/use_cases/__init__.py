"""What BST does, over ports. Every use case has one shape: load, decide (a call into bst_domain), save, stage."""
