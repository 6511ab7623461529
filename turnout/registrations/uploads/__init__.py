"""Files that people answer with."""
