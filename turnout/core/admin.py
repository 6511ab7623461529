"""What the admin pages of all rooms share."""

import base64
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from unfold.admin import ModelAdmin

from turnout.core import audit
from turnout.core.models import SigningKey


class TrailAdmin(ModelAdmin):
    """Rows whose history is in the audit trail."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show it there: Django's own trail knows only what its forms did."""
        return HttpResponseRedirect(f"{reverse('admin:core_auditentry_changelist')}?{urlencode({'q': object_id})}")


class LookOnlyAdmin(TrailAdmin):
    """Rows that deeds write: to look at, never to change by hand."""

    show_full_result_count = False  # counting a large table takes longer than all else on its page

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
    return audit.actor_of(request.user)


@admin.register(SigningKey)
class SigningKeyAdmin(LookOnlyAdmin):
    """The public halves of the keys that sign."""

    list_display = ("id", "purpose", "created_at", "is_active")
    list_filter = ("purpose",)
    fields = ("id", "purpose", "created_at", "is_active", "public_key")

    @admin.display(boolean=True, description="signs now")
    def is_active(self, key: SigningKey) -> bool:
        """Tell the key that signs from those that only verify."""
        return key.active_for is not None

    @admin.display(description="public key (Ed25519, base64)")
    def public_key(self, key: SigningKey) -> str:
        """Return what verifies a signature."""
        return base64.b64encode(bytes(key.public)).decode("ascii")
