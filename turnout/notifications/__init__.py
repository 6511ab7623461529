"""What is owed to somebody: the outbox and its delivery. Knows addresses and texts, not people or events."""
