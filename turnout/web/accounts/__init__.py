"""The pages of accounts. What they do is done by the same actions as in the API."""
