"""Export and erasure of a person: reaches all rooms below."""
