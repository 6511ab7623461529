"""Attack mode: when registrations come that nobody confirms, and what is done about it."""
