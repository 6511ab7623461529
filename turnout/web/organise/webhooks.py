"""Others' programs that are told what happens at an event."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from turnout.core import audit
from turnout.core.errors import InvalidError
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.notifications.webhooks import actions
from turnout.notifications.webhooks.limits import admit_request, checked_url
from turnout.notifications.webhooks.models import KINDS, LONGEST_URL, MORE_KINDS, Webhook
from turnout.notifications.webhooks.queries import find, find_delivery, with_log
from turnout.web.forms import REFUSED, Form, own_page, sent, show
from turnout.web.pages import page_of

_SHOWN_NEXT = "webhook_shown_next"  # in the session: with its secret


class WebhookForm(Form):
    """Where to, and what, under the names of the API."""

    url = forms.CharField(
        label=_("Address"),
        help_text=_("Begins with https://, and everybody on the internet can reach it."),
        max_length=LONGEST_URL,
        widget=forms.TextInput({"type": "url", "dir": "ltr", "autocomplete": "off"}),
    )
    label = forms.CharField(
        label=_("Name (optional)"), max_length=100, required=False, widget=forms.TextInput({"dir": "auto"})
    )
    events = forms.MultipleChoiceField(
        label=_("What it is told"),
        help_text=_("None: all but the last three."),
        choices=[(kind, kind) for kind in (*KINDS, *MORE_KINDS)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


@own_page
def webhooks_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """List the event's webhooks; POST adds one, whose secret comes next. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    form = WebhookForm(sent(request))
    if form.is_valid():
        try:
            return _to_secret(request, event, _add(request, event, form.cleaned_data))
        except REFUSED as error:
            form.refuse(error)
    return show(request, "web/organise/webhooks.html", form, event=event, webhooks=_of(event))


@own_page
def webhook_page(request: HttpRequest, event_id: UUID, webhook_id: UUID) -> HttpResponse:
    """Show one, with its log; POST does with it what its `deed` says."""
    event = find_for(Right.EDIT, request.user, event_id)
    webhook = find(_of(event), webhook_id)
    if request.session.pop(_SHOWN_NEXT, "") == str(webhook.pk):
        return render(request, "web/organise/webhook_secret.html", {"event": event, "webhook": webhook})
    form = Form(sent(request))
    if form.is_valid():
        try:
            return _do(request, event, webhook)
        except REFUSED as error:
            form.refuse(error)
            webhook.refresh_from_db()
    log = page_of(request, with_log(webhook.deliveries.all()))
    return show(request, "web/organise/webhook.html", form, event=event, webhook=webhook, page=log)


def _of(event: Event) -> Any:
    return Webhook.objects.filter(topic=event.pk)


def _add(request: HttpRequest, event: Event, fields: dict[str, Any]) -> Webhook:
    actor = audit.actor_of(request.user)
    url = checked_url(fields["url"], actor=actor)
    return actions.add(url, label=fields["label"], kinds=fields["events"], topic=event.pk, actor=actor)


def _do(request: HttpRequest, event: Event, webhook: Webhook) -> HttpResponse:
    """Do what was asked for; all else but a new secret is said on the page that follows."""
    actor = audit.actor_of(request.user)
    match request.POST.get("deed"):
        case "rotate":
            return _to_secret(request, event, actions.rotate(webhook, actor=actor))
        case "remove":
            actions.remove(webhook, actor=actor)
            return _told(request, gettext("The webhook is removed."), "webhooks", event.pk)
        case "off" | "on" as switch:
            actions.change(webhook, {"enabled": switch == "on"}, actor=actor)
            done = gettext("It is switched on.") if switch == "on" else gettext("It is switched off.")
        case "test":
            admit_request(webhook)
            actions.send_test(webhook, actor=actor)
            done = gettext("A test is on its way. Load this page again in a moment to see how it went.")
        case "replay":
            admit_request(webhook)
            actions.replay(find_delivery(webhook, _chosen(request)), actor=actor)
            done = gettext("It is sent again. Load this page again in a moment to see how it went.")
        case _:
            raise InvalidError(gettext("The request is malformed."))
    return _told(request, done, "webhook", event.pk, webhook.pk)


def _chosen(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("delivery", ""))
    except ValueError as error:
        raise InvalidError(gettext("The request is malformed.")) from error


def _to_secret(request: HttpRequest, event: Event, webhook: Webhook) -> HttpResponse:
    """Lead to where the secret is shown this once: to load that page again makes no other."""
    request.session[_SHOWN_NEXT] = str(webhook.pk)
    return redirect("webhook", event.pk, webhook.pk)


def _told(request: HttpRequest, text: str, *address: Any) -> HttpResponse:
    messages.info(request, text, extra_tags="desk")
    return redirect(*address)
