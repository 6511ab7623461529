"""Read models across rooms: how events stand, who comes, and the same as sheets. Nothing is written here."""
