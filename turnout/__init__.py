"""Turnout runs events from sign-up to certificate."""

__version__ = "0.1.0"
