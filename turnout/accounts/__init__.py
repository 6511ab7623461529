"""People: who can sign in, and how."""
