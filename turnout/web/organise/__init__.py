"""The desk of those who run events. What they do there is done by the same actions as in the API."""
