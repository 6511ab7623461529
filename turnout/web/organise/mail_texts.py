"""An event's own words in its mails."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turnout.core import audit
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.registrations.mailings.limits import admit_preview
from turnout.registrations.models import MailText
from turnout.registrations.texts.actions import forget_text, set_text
from turnout.registrations.texts.preview import preview, usual_text
from turnout.registrations.texts.writing import check_place, languages_of, placeholders
from turnout.web.forms import REFUSED, own_page, self_of, sent, show
from turnout.web.organise.mail import TextForm


@never_cache
@require_safe
@login_required
def texts_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """List the mails, and in which languages the event has words of its own for each. For owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    own = set(MailText.objects.filter(event=event).values_list("kind", "language"))
    languages = languages_of(event)
    kinds = [(kind, [(language, (kind, language) in own) for language in languages]) for kind in MailText.Kind.values]
    return render(request, "web/organise/mail_texts.html", {"event": event, "kinds": kinds})


@own_page
def text_page(request: HttpRequest, event_id: UUID, kind: str, language: str) -> HttpResponse:
    """Show what one of them says in one language, to be changed, seen before, or given back. For owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    check_place(event, kind, language)
    own = MailText.objects.filter(event=event, kind=kind, language=language).first()
    said = own or usual_text(kind, language)
    form = TextForm(sent(request), initial={"subject": said.subject, "body": said.body})
    shown: dict[str, Any] = {
        "event": event,
        "kind": kind,
        "text_language": language,
        "own": own,
        "placeholders": placeholders(kind),
    }
    actor, deed = audit.actor_of(request.user), request.POST.get("deed")
    try:
        if deed == "forget":
            forget_text(event, kind, language, actor=actor)
            return _told(request, event_id, gettext("The usual words stand there again."))
        if form.is_valid() and deed == "save":
            set_text(event, kind, language, form.text(), actor=actor)
            return _told(request, event_id, gettext("From now on the mail says this."))
        if form.is_valid():
            admit_preview(self_of(request))
            shown["preview"] = preview(event, kind, language, form.text())
    except REFUSED as error:
        form.refuse(error)
    return show(request, "web/organise/mail_text.html", form, **shown)


def _told(request: HttpRequest, event_id: UUID, text: str) -> HttpResponse:
    messages.info(request, text, extra_tags="desk")
    return redirect("event-mail-texts", event_id)
