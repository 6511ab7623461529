"""Accounts in the admin. Passwords and second factors are set by their owners and by commands, not here."""

from django.contrib import admin

from turnout.accounts.models import User
from turnout.core.admin import LookOnlyAdmin


@admin.register(User)
class UserAdmin(LookOnlyAdmin):
    """Who can sign in."""

    list_display = ("email", "name", "is_staff", "is_active", "date_joined")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name")
    fields = ("email", "name", "address_verified", "is_active", "is_staff", "date_joined", "last_login")
