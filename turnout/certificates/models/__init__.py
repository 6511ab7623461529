"""The room's rows."""

from turnout.certificates.models.designs import Design, Picture, Template
from turnout.certificates.models.issued import Certificate, CertificateQuerySet, Role, Standing, Version, holder_key
from turnout.certificates.models.rules import LEAST_HOURS, MOST_HOURS, MOST_MINUTES, CertificateRules

__all__ = [
    "LEAST_HOURS",
    "MOST_HOURS",
    "MOST_MINUTES",
    "Certificate",
    "CertificateQuerySet",
    "CertificateRules",
    "Design",
    "Picture",
    "Role",
    "Standing",
    "Template",
    "Version",
    "holder_key",
]
