"""The pages that verify a certificate, to whoever has its id, and the list of one's own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from turnout.certificates.links import linkedin
from turnout.certificates.models import Certificate, Role, Standing, Version
from turnout.certificates.queries import chain, find_version
from turnout.certificates.snapshots import Part, Snapshot
from turnout.core.errors import NotFoundError
from turnout.events.models import Event
from turnout.events.when import when
from turnout.web.forms import Form, limit, show
from turnout.web.pages import page_of

# As people copy it from paper: with hyphens or without, in whatever case, in an address or alone.
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}(?![0-9a-f])")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_IN_ADDRESS = re.compile(r"[?&]version=([0-9]+)")


class VerifyForm(Form):
    """Which certificate, as its paper says it."""

    id = forms.CharField(
        label=_("Number of the certificate"),
        help_text=_("It stands on the paper, beside the code. You can also paste the whole address."),
        max_length=300,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false", "dir": "ltr"}),
    )

    def clean_id(self) -> str:
        """Find the number in what was typed, and return the address of its page."""
        typed = re.sub(r"\s", "", self.cleaned_data["id"]).lower()
        found, number = _ID.search(typed), _IN_ADDRESS.search(typed)
        if found is None:
            message = gettext("A number has 32 digits and letters from a to f. Look whether one is missing.")
            raise forms.ValidationError(message, "invalid")
        page = reverse("certificate", args=[UUID(found[0])])
        return f"{page}?version={number[1]}" if number else page


@dataclass(frozen=True, slots=True)
class Paper:
    """What a version of a certificate says, as pages show it."""

    says: Snapshot

    @property
    def zone(self) -> ZoneInfo:
        """By which clocks it tells the time."""
        return ZoneInfo(self.says.timezone)

    @property
    def when(self) -> str:
        """When the event was."""
        return self._spanned(self.says)

    @property
    def role(self) -> str:
        """As what its holder was there."""
        return str(Role(self.says.role).label)

    @property
    def hours(self) -> str:
        """The hours credited, as they are written here; empty where nothing is said of them."""
        return "" if self.says.hours is None else number_format(f"{self.says.hours.normalize():f}")

    @property
    def sessions(self) -> list[tuple[str, str]]:
        """The sessions attended, and when they were."""
        return [(part.title, self._spanned(part)) for part in self.says.sessions]

    def _spanned(self, span: Snapshot | Part) -> str:
        return when(Event(starts_at=span.starts_at, ends_at=span.ends_at, timezone=self.says.timezone))


@never_cache
@require_safe
def verify_page(request: HttpRequest) -> HttpResponse:
    """Ask for a certificate's number, and lead to its page."""
    form = VerifyForm(request.GET if "id" in request.GET else None)
    if form.is_valid():
        return redirect(form.cleaned_data["id"])
    return show(request, "web/certificates/verify.html", form)


@never_cache
@require_safe
def certificate_page(request: HttpRequest, certificate_id: str) -> HttpResponse:
    """Say to whoever has a certificate's id what it says and what that is worth now; nothing is kept of the answer."""
    limit(request, "certificate")
    try:
        version = find_version(_id_in(certificate_id), _number_in(request.GET.get("version")))
    except NotFoundError:
        response = render(request, "web/certificates/unknown.html", {"form": VerifyForm()}, status=404)
    else:
        response = render(request, "web/certificates/certificate.html", _shown(version))
    response["X-Robots-Tag"] = "noindex"
    return response


@never_cache
@require_safe
@login_required
def own_page(request: HttpRequest) -> HttpResponse:
    """List one's own certificates, by whichever door and in whatever role, the latest first."""
    page = page_of(request, Certificate.objects.held_by(request.user))
    current = Version.objects.current().select_related("certificate").filter(certificate__in=page.rows)
    versions = {version.certificate_id: version for version in current}
    shown = [(versions[each.pk], Paper(versions[each.pk].says)) for each in page.rows]
    return render(request, "web/certificates/list.html", {"certificates": shown, "page": page})


def _id_in(text: str) -> UUID:
    found = _ID.fullmatch(text.lower())
    if found is None:
        raise NotFoundError
    return UUID(found[0])


def _number_in(text: str | None) -> int | None:
    if text is None:
        return None
    if _NUMBER.fullmatch(text) is None:
        raise NotFoundError
    return int(text)


def _shown(version: Version) -> dict[str, object]:
    standing, told = version.standing, version.told
    if told is None:
        return {"standing": standing}
    versions: Sequence[Version] = chain(version.certificate)
    return {
        "standing": standing,
        "version": version,
        "certificate": version.certificate,
        "paper": Paper(told),
        "versions": versions,
        "follower": next((each for each in versions if each.number == version.number + 1), None),
        "linkedin": linkedin(version) if standing == Standing.VALID else "",
    }
