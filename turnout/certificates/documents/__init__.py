"""The documents: certificates as PDF."""

from turnout.certificates.documents.keeping import document_of
from turnout.certificates.documents.making import Paper, paper, proof

__all__ = ["Paper", "document_of", "paper", "proof"]
