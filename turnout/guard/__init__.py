"""The limiter: knows networks and keys, not people."""
