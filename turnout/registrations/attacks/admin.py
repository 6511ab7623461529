"""Attack mode in the admin: a page for the platform's switch, and one for each event."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from unfold.decorators import action

from turnout.core.admin import LookOnlyAdmin, actor_of
from turnout.core.errors import DomainError
from turnout.events.models import Event
from turnout.registrations.attacks.actions import roll_back, switch_event, switch_platform, undo
from turnout.registrations.attacks.models import PLATFORM, Alarm, Rollback
from turnout.registrations.attacks.queries import burst, switch

_MODES = (("on", "Switch on"), ("off", "Switch off"), ("automatic", "Leave it to itself"))


class BurstPage:
    """What an event's admin gains: the page of its burst."""

    admin_site: Any
    get_object: Callable[[HttpRequest, str], Event | None]

    @action(description="Attacks", url_path="burst", permissions=["change"])  # type: ignore[untyped-decorator]  # untyped library
    def burst(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show who registered lately; POST switches attack mode, rolls back, or undoes that."""
        event = self.get_object(request, object_id)
        if event is None:
            raise Http404
        if request.method == "POST":
            try:
                messages.success(request, _done(request, event))
            except DomainError as error:
                messages.error(request, error.detail)
            return HttpResponseRedirect(request.path)
        seen = burst(event)
        tables = [
            ("By address block", "blocks", [(row["block"], row) for row in seen.blocks]),
            ("By mail domain", "domains", [(row["mail_domain"], row) for row in seen.domains]),
        ]
        shown = {"title": f"Attacks: {event.title}", "burst": seen, "tables": tables, "modes": _MODES}
        return TemplateResponse(
            request, "registrations/admin/burst.html", {**self.admin_site.each_context(request), **shown}
        )


def _done(request: HttpRequest, event: Event) -> str:
    """Do what was asked for on an event's page, and say what was done."""
    sent, actor = request.POST, actor_of(request)
    if "mode" in sent and sent["mode"] in dict(_MODES):
        switch_event(event, sent["mode"], actor=actor)
        return f"Attack mode: {switch(str(event.id)).mode}."
    if "undo" in sent:
        undone = undo(get_object_or_404(Rollback, event=event, pk=sent["undo"]), actor=actor)
        return f"The rollback of {undone.count} is undone."
    rolled_back = roll_back(event, blocks=sent.getlist("blocks"), domains=sent.getlist("domains"), actor=actor)
    return f"{rolled_back.count} registrations are rolled back."


@admin.register(Alarm)
class AlarmAdmin(LookOnlyAdmin):
    """Where attack mode was decided; a button leads to the platform's switch."""

    list_display = ("place", "event", "mode", "since")
    list_filter = ("mode",)
    list_select_related = ("event",)
    search_fields = ("event__title",)
    actions_list: ClassVar = ["platform"]

    def has_switch_permission(self, request: HttpRequest) -> bool:
        """Tell whether somebody may switch it, though rows are not changed by hand."""
        return request.user.has_perm("registrations.change_alarm")

    @action(description="The platform's switch", url_path="platform", permissions=["switch"])  # type: ignore[untyped-decorator]  # untyped library
    def platform(self, request: HttpRequest) -> HttpResponse:
        """Show how it stands; POST switches it."""
        if request.method == "POST":
            switch_platform(on=bool(request.POST.get("on")), actor=actor_of(request))
            return HttpResponseRedirect(request.path)
        shown = {"title": "Attack mode", "switch": switch(PLATFORM)}
        return TemplateResponse(
            request, "registrations/admin/attack_mode.html", {**self.admin_site.each_context(request), **shown}
        )


@admin.register(Rollback)
class RollbackAdmin(LookOnlyAdmin):
    """What was rolled back."""

    list_display = ("at", "event", "count", "actor", "undone_at")
    list_select_related = ("event",)
    search_fields = ("event__title",)
