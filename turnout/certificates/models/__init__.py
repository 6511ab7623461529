"""The room's rows."""

from turnout.certificates.models.designs import Design, Picture, Template
from turnout.certificates.models.issued import Certificate, CertificateQuerySet, Role, Standing, Version, holder_key
from turnout.certificates.models.rules import CertificateRules

__all__ = [
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
