"""Mail from an event's team to some of those who registered."""
