"""The admin's place in Django."""

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    """Makes ours the only admin site."""

    default_site = "turnout.config.admin.AdminSite"
