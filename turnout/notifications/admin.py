"""The outbox in the admin."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from turnout.core.admin import LookOnlyAdmin, actor_of
from turnout.notifications.actions import send_again
from turnout.notifications.models import Message


@admin.register(Message)
class MessageAdmin(LookOnlyAdmin):
    """What is owed, what was sent, and what was given up or came back, and why."""

    list_display = ("kind", "recipient", "state", "attempts", "due_at", "sent_at", "bounced_at")
    list_filter = ("state", "kind", ("bounced_at", admin.EmptyFieldListFilter))
    search_fields = ("recipient",)
    actions: ClassVar = ["send_again"]

    @admin.action(description="Send again what was given up or came back")
    def send_again(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        """Let each be due again."""
        sent = sum(send_again(message, actor=actor_of(request)) for message in chosen)
        messages.info(request, f"{sent} will be sent again.")
