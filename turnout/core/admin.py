"""What the admin pages of all rooms share."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from turnout.core.models import AuditEntry


class LookOnlyAdmin(ModelAdmin):
    """Rows that deeds write: to look at, never to change by hand."""

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


def actor_of(request: HttpRequest) -> str:
    """Return the name under which the audit trail knows who is signed in."""
    return f"user:{request.user.pk}"


@admin.register(AuditEntry)
class AuditEntryAdmin(LookOnlyAdmin):
    """Who did what, when."""

    list_display = ("at", "actor", "verb", "subject")
    list_filter = ("verb",)
    search_fields = ("subject", "actor")
