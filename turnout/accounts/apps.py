"""The room's place in Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Accounts."""

    name = "turnout.accounts"
    verbose_name = "Accounts"
