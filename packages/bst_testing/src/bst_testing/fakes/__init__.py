"""In-memory implementations of the ports; each passes the conformance suite of its port."""
