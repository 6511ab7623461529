"""Seats, waiting lists, confirmation and tickets: who comes to an event."""
