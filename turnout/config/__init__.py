"""The composition root: settings, addresses, and how the server starts."""
