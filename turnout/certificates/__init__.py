"""Certificates that are earned, and that anyone can verify."""
