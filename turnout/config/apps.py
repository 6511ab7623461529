"""The admin's place in Django, and what `manage.py check` asks."""

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.core.checks import register

from turnout.config.checks import production


class AdminConfig(DjangoAdminConfig):
    """Makes ours the only admin site, and has configurations checked."""

    default_site = "turnout.config.admin.AdminSite"

    def ready(self) -> None:
        super().ready()
        register(production, "production", deploy=True)
