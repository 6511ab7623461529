"""The devices at an event's doors: added, paired, seen, revoked by whoever runs it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from turnout.attendance.actions.devices import add_device, code_hash, new_code, revoke
from turnout.attendance.doorkeepers import pairing_link
from turnout.attendance.models import Device
from turnout.attendance.models.devices import CODE_LIVES, LONGEST_LABEL
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import InvalidError, NotFoundError
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.web.forms import REFUSED, Form, own_page, sent, show
from turnout.web.pages import page_of

# Holds the code of one device for its page, as long as it works: here it is kept as a hash alone.
_COOKIE = "device_code"
_MINUTE = timedelta(minutes=1)


class DeviceForm(Form):
    """A device, under the names of the API."""

    name = forms.CharField(
        label=_("Name"),
        help_text=_("As its scans name it, such as “Tablet 1”."),
        max_length=LONGEST_LABEL,
        widget=forms.TextInput({"dir": "auto", "autocomplete": "off"}),
    )
    door = forms.CharField(
        label=_("Door (optional)"),
        help_text=_("Where it stands, such as “North gate”."),
        max_length=LONGEST_LABEL,
        required=False,
        widget=forms.TextInput({"dir": "auto", "autocomplete": "off"}),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A device, and how it stands in words."""

    device: Device
    words: list[str]


@own_page
def devices_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """List the event's devices; POST adds one, whose code comes next. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    form = DeviceForm(sent(request))
    if form.is_valid():
        try:
            return _to_code(*add_device(event, **form.cleaned_data, actor=audit.actor_of(request.user)))
        except REFUSED as error:
            form.refuse(error)
    page = page_of(request, Device.objects.filter(event=event))
    shown = [Shown(device, _words(device)) for device in page.rows]
    return show(request, "web/organise/door_devices.html", form, event=event, page=page, devices=shown)


@own_page
def device_page(request: HttpRequest, event_id: UUID, device_id: UUID) -> HttpResponse:
    """Show one, with its code to whoever asked for it in this browser; POST does with it what its `deed` says."""
    event = find_for(Right.EDIT, request.user, event_id)
    device = Device.objects.filter(event=event, pk=device_id).first()
    if device is None:
        raise NotFoundError
    form = Form(sent(request))
    if form.is_valid():
        try:
            return _do(request, device)
        except REFUSED as error:
            form.refuse(error)
    code = _code_of(request, device)
    more = {"code": code, "link": pairing_link(code), "qr": _qr(pairing_link(code))} if code else {}
    shown = Shown(device, _words(device))
    return show(request, "web/organise/door_device.html", form, event=event, device=device, shown=shown, **more)


def _do(request: HttpRequest, device: Device) -> HttpResponse:
    actor = audit.actor_of(request.user)
    match request.POST.get("deed"):
        case "code":
            return _to_code(*new_code(device, actor=actor))
        case "revoke":
            revoke(device, actor=actor)
            told = gettext("“%(name)s” is revoked: it scans nothing more.") % {"name": device.name}
            messages.info(request, told, extra_tags="desk")
            return redirect("door-devices", device.event_id)
        case _:
            raise InvalidError(gettext("The request is malformed."))


def _to_code(device: Device, code: str) -> HttpResponse:
    """Lead to the page that shows the code: to load it again makes no other."""
    path = reverse("door-device", args=[device.event_id, device.pk])
    response = redirect(path)
    response.set_cookie(
        _COOKIE,
        code,
        max_age=CODE_LIVES,
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


def _code_of(request: HttpRequest, device: Device) -> str:
    """Return the code that pairs the device, where this browser has it and it still works; else nothing."""
    code = request.COOKIES.get(_COOKIE, "")
    works = device.token_hash is None and device.revoked_at is None and device.code_expires_at > now()
    return code if works and code_hash(code) == device.code_hash else ""


def _qr(link: str) -> Any:
    return segno.make_qr(link, error="m").svg_inline(light="white", omitsize=True)


def _words(device: Device) -> list[str]:
    """Return how a device stands that is not revoked: as words, in order."""
    if device.revoked_at is not None:
        return []
    if device.paired_at is None:
        return [] if device.code_expires_at > now() else [gettext("its code has expired")]
    words = [_seen(device.seen_at)]
    if device.battery is not None:
        words.append(gettext("battery %(percent)d %%") % {"percent": device.battery})
    if device.queued:
        waiting = ngettext("%(count)d scan waiting", "%(count)d scans waiting", device.queued)
        words.append(waiting % {"count": device.queued})
    if device.clock_is_off:
        is_ahead = device.clock_error > timedelta(0)
        text = gettext("its clock is %(time)s ahead") if is_ahead else gettext("its clock is %(time)s behind")
        words.append(text % {"time": _duration(abs(device.clock_error))})
    return words


def _seen(seen_at: datetime | None) -> str:
    if seen_at is None:
        return gettext("not seen yet")
    if now() - seen_at < _MINUTE:
        return gettext("seen just now")
    return gettext("seen %(time)s ago") % {"time": timesince(seen_at, now(), depth=1)}


def _duration(length: timedelta) -> str:
    if length < _MINUTE:
        return ngettext("%(count)d second", "%(count)d seconds", length.seconds) % {"count": length.seconds}
    return timesince(now() - length, now(), depth=1)
