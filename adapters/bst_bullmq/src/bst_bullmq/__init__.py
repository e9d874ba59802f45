"""BullMQ job queue for BST, on Redis or PostgreSQL."""
