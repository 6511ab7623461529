"""The room's place in Django."""

from django.apps import AppConfig


class CertificatesConfig(AppConfig):
    """Certificates."""

    name = "turnout.certificates"
    verbose_name = "Certificates"
