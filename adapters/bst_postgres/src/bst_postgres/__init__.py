"""PostgreSQL storage for BST: event log, bookings, migrations."""
