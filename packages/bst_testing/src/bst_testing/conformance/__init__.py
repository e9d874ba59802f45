"""One suite for each port, run by the fake and by every real adapter."""
