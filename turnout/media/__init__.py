"""Files that people send: what they are by their content, and how they are kept."""
