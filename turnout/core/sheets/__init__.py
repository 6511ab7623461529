"""Sheets that people send and get: read by a process of its own, written in bounded memory."""
