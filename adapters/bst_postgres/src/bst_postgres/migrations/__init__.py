"""The migrations, and nothing else: revisions in versions/, run by bst_postgres.migrate."""
