"""Booking facts of tour operators folded into one booking everybody can trust."""
