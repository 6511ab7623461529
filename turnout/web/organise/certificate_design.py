"""How an event's certificates look, as its team decides it."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from turnout.certificates.actions.designs import LONGEST, MOST_SIGNATURES, add_picture, set_design
from turnout.certificates.models import Design, Role, Template
from turnout.certificates.writing import USUAL, design_of
from turnout.core import audit
from turnout.core.errors import Fault, InvalidError, TooLargeError, UnsupportedTypeError
from turnout.events.models import Event
from turnout.events.policies import Right
from turnout.events.queries import find_for
from turnout.media.images import LARGEST
from turnout.web.forms import REFUSED, Form, own_page, sent, show

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_PICTURE = {"accept": "image/png,image/jpeg,image/webp"}


class DesignForm(Form):
    """How they look, under the names of the API: where it points in its faults."""

    template = forms.ChoiceField(label=_("Template"), widget=forms.RadioSelect)
    paper = forms.ChoiceField(label=_("Paper"), choices=Design.Paper.choices, widget=forms.RadioSelect)
    orientation = forms.ChoiceField(
        label=_("Orientation"), choices=Design.Orientation.choices, widget=forms.RadioSelect
    )
    color = forms.CharField(label=_("Colour"), max_length=7, widget=forms.TextInput({"type": "color"}))
    issuer = forms.CharField(
        label=_("Given by (optional)"), max_length=200, required=False, widget=forms.TextInput({"dir": "auto"})
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("Each holder's own")), *settings.LANGUAGES], required=False
    )
    logo = forms.FileField(
        label=_("Logo (optional)"),
        help_text=_("A picture: PNG, JPEG or WebP."),
        required=False,
        widget=forms.FileInput(_PICTURE),
    )

    def __init__(self, event: Event, design: Design, data: Any = None, files: Any = None) -> None:
        shown = {name: getattr(design, name) for name in ("paper", "orientation", "color", "issuer", "language")}
        super().__init__(data, files, initial={**shown, "template": str(design.template_id or design.base)})
        self.event, self.design = event, design
        own = Template.objects.filter(Q(withdrawn_at=None) | Q(designs=event.pk)).distinct()
        templates = [*Design.Base.choices, *((str(pk), name) for pk, name in own.values_list("pk", "name"))]
        self.fields["template"].choices = templates  # type: ignore[attr-defined]  # it is a choice
        if design.logo_id is not None:
            self.fields["logo/remove"] = forms.BooleanField(label=_("Without the logo that is there"), required=False)
        for role in Role:
            self._ask_wording(role)
        for number in range(MOST_SIGNATURES):
            self._ask_signature(number)

    def clean_color(self) -> str:
        """Check the colour."""
        if _COLOR.fullmatch(self.cleaned_data["color"]) is None:
            raise forms.ValidationError(gettext("Write it like #1f4e79."), "invalid")
        return str(self.cleaned_data["color"]).lower()

    def clean(self) -> dict[str, Any]:
        """Check that whoever signs has a name."""
        for number in range(MOST_SIGNATURES):
            said = [self.cleaned_data.get(f"signatures/{number}/{part}") for part in ("name", "position", "picture")]
            if any(said) and not said[0] and f"signatures/{number}/name" not in self.errors:
                self.add_error(f"signatures/{number}/name", gettext("Say who signs."))
        return self.cleaned_data

    def general(self) -> list[BoundField]:
        """Return the fields of the whole, but for the template's."""
        return [self[name] for name in self.fields if "/" not in name.removesuffix("/remove") and name != "template"]

    def wordings(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Yield by role the fields of what the paper says."""
        for role in Role:
            yield str(role.label), [self[f"wordings/{role}/{part}"] for part in ("title", "text")]

    def signatures(self) -> Iterator[list[BoundField]]:
        """Yield by signature its fields."""
        for number in range(MOST_SIGNATURES):
            yield [self[name] for name in self.fields if name.startswith(f"signatures/{number}/")]

    def decided(self, actor: str) -> dict[str, Any]:
        """Return what was decided, with the pictures kept that came with it. InvalidError at one that can't be."""
        given, template = self.cleaned_data, self.cleaned_data["template"]
        kept = None if given.get("logo/remove") else self.design.logo_id
        return {
            **{name: given[name] for name in ("paper", "orientation", "color", "issuer", "language")},
            **(
                {"base": template, "template": None} if template in Design.Base.values else {"template": UUID(template)}
            ),
            "logo": self._picture("logo", actor) or kept,
            "wordings": {role.value: words for role in Role if (words := self._wording(role))},
            "signatures": [each for number in range(MOST_SIGNATURES) if (each := self._signature(number, actor))],
        }

    def _ask_wording(self, role: Role) -> None:
        own = self.design.wordings.get(role.value, {})
        for part, label, usual in zip(
            ("title", "text"), (pgettext_lazy("certificate", "Title"), _("What they did")), USUAL[role], strict=True
        ):
            hint = forms.TextInput({"dir": "auto", "placeholder": usual})
            field = forms.CharField(
                label=label, max_length=LONGEST[part], required=False, widget=hint, initial=own.get(part, "")
            )
            self.fields[f"wordings/{role}/{part}"] = field

    def _ask_signature(self, number: int) -> None:
        own = self._signed(number)
        for part, label in (("name", _("Name")), ("position", _("Position (optional)"))):
            widget = forms.TextInput({"dir": "auto", "autocomplete": "off"})
            field = forms.CharField(
                label=label, max_length=LONGEST[part], required=False, widget=widget, initial=own.get(part)
            )
            self.fields[f"signatures/{number}/{part}"] = field
        picture = forms.FileField(
            label=_("Picture of the signature (optional)"), required=False, widget=forms.FileInput(_PICTURE)
        )
        self.fields[f"signatures/{number}/picture"] = picture
        if own.get("picture"):
            without = forms.BooleanField(label=_("Without the picture that is there"), required=False)
            self.fields[f"signatures/{number}/remove"] = without

    def _signed(self, number: int) -> dict[str, str]:
        signatures: list[dict[str, str]] = self.design.signatures
        return signatures[number] if number < len(signatures) else {}

    def _wording(self, role: Role) -> dict[str, str]:
        parts = {part: self.cleaned_data[f"wordings/{role}/{part}"] for part in ("title", "text")}
        return {part: words for part, words in parts.items() if words}

    def _signature(self, number: int, actor: str) -> dict[str, str]:
        at = f"signatures/{number}"
        given = {part: self.cleaned_data[f"{at}/{part}"] for part in ("name", "position")}
        if not given["name"]:
            return {}
        kept = "" if self.cleaned_data.get(f"{at}/remove") else self._signed(number).get("picture", "")
        return {**given, "picture": str(self._picture(f"{at}/picture", actor) or kept)}

    def _picture(self, name: str, actor: str) -> UUID | None:
        """Keep a picture that came with the form, and return its id; None where none came."""
        file = self.cleaned_data[name]
        if not isinstance(file, UploadedFile):
            return None
        try:
            # Of one that is too large no more than shows that it is.
            return add_picture(self.event, file.read(LARGEST + 1), actor=actor).pk
        except (TooLargeError, UnsupportedTypeError) as error:
            raise InvalidError.at(Fault(f"/{name}", error.code, error.detail)) from error


@own_page
def design_page(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """Show how certificates look; POST decides it. For the event's owner and managers."""
    event = find_for(Right.EDIT, request.user, event_id)
    form = DesignForm(event, design_of(event), sent(request), request.FILES or None)
    if form.is_valid():
        actor = audit.actor_of(request.user)
        try:
            set_design(event, form.decided(actor), actor=actor)
        except REFUSED as error:
            form.refuse(error)
        else:
            messages.info(
                request,
                gettext("The design is saved. Certificates that are issued stay as they are."),
                extra_tags="desk",
            )
            return redirect(request.path)
    return show(request, "web/organise/certificate_design.html", form, event=event)
