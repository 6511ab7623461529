"""The outbox in the admin."""

from django.contrib import admin

from turnout.core.admin import LookOnlyAdmin
from turnout.notifications.models import Message


@admin.register(Message)
class MessageAdmin(LookOnlyAdmin):
    """What is owed, what was sent, and what was given up and why."""

    list_display = ("kind", "recipient", "state", "attempts", "due_at", "sent_at")
    list_filter = ("state", "kind")
    search_fields = ("recipient",)
