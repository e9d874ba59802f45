"""How much an event takes on disk and in the log of the database."""
