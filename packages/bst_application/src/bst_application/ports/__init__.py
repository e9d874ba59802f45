"""The outside world as the use cases see it: one file per capability.

Adapters and the fakes in bst_testing implement these; bst_testing.conformance holds one suite for each.
"""
