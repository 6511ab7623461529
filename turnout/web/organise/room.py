"""What an event's team shows and decides where people check in themselves: the room's screen, and the rules."""

from typing import Any
from uuid import UUID

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turnout.attendance.actions.stays import set_door_rules
from turnout.attendance.models import DoorRules
from turnout.attendance.queries import session_of
from turnout.attendance.room_codes import room_code
from turnout.core import audit
from turnout.events.policies import Right, may
from turnout.events.queries import find_for, standing
from turnout.web.forms import REFUSED, Form, own_page, sent, show

MOST_MINUTES = 7 * 24 * 60


class RulesForm(Form):
    """What counts as attended, and what is allowed at the doors, under the names of the API."""

    min_minutes = forms.IntegerField(
        label=_("Minutes in a session"),
        help_text=_("So long one is in a session before it counts as attended; 0: from the first moment."),
        min_value=0,
        max_value=MOST_MINUTES,
    )
    min_percent = forms.IntegerField(
        label=_("Percent of a session"),
        help_text=_("The same, of the session's length. Where both are set, both have to be met."),
        min_value=0,
        max_value=100,
    )
    self_check_in = forms.BooleanField(
        label=_("People check in themselves, by a code on the room's screen"), required=False
    )
    names_offline = forms.BooleanField(
        label=_("Scanners show names without network"),
        help_text=_("They take all names along, each sealed under its ticket: a lost phone shows nobody's."),
        required=False,
    )


@own_page
def rules_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show the rules of the doors; POST changes them. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    rules = DoorRules.objects.filter(pk=event.pk).first() or DoorRules(event=event)
    form = RulesForm(sent(request), initial={name: getattr(rules, name) for name in RulesForm.base_fields})
    if form.is_valid():
        try:
            set_door_rules(event, form.cleaned_data, actor=audit.actor_of(request.user))
        except REFUSED as error:
            form.refuse(error)
        else:
            messages.info(request, gettext("The rules are saved."), extra_tags="desk")
            return redirect(request.path)
    more: dict[str, Any] = {"event": event, "rules": rules, "sessions": event.sessions.all()}
    return show(request, "web/organise/door_rules.html", form, **more)


@never_cache
@require_safe
@login_required
def room_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show the code of a session's room, or of the event as a whole, for a screen. For the team, scanners too."""
    event = find_for(Right.CHECK_IN, request.user, event_id)
    session = session_of(event, request.GET.get("session", ""))
    context: dict[str, Any] = {"event": event, "session": session}
    if DoorRules.objects.filter(pk=event.pk, self_check_in=True).exists():
        shown = room_code(event.pk, session.pk if session else None)
        qr = segno.make_qr(shown.link, error="m").svg_inline(light="white", omitsize=True)
        context |= {"shown": shown, "qr": qr}
    else:
        context["may_change"] = may(standing(event, request.user), Right.EDIT)
    return render(request, "web/organise/room.html", context)
