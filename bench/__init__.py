"""How fast Turnout is, beside what the database alone could do: see README.md."""
