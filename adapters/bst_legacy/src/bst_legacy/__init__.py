"""The two legacy databases, read and never written."""
