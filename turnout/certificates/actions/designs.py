"""How an event's certificates look: its team decides. Templates of their own are code, so staff bring them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from turnout.certificates.documents.sample import check_template
from turnout.certificates.models import Design, Picture, Role, Template
from turnout.core import audit
from turnout.core.clock import now
from turnout.core.errors import ConflictError, Fault, InvalidError, UnavailableError
from turnout.core.languages import first_of_ours
from turnout.core.transactions import transactional
from turnout.core.validation import validate
from turnout.events.models import Event
from turnout.media import vault
from turnout.media.images import redraw

DECIDED: Final = (
    "base",
    "template",
    "paper",
    "orientation",
    "color",
    "issuer",
    "language",
    "logo",
    "wordings",
    "signatures",
)
MOST_SIGNATURES: Final = 3
LONGEST: Final = {"title": 100, "text": 300, "name": 100, "position": 150}  # characters
_MAY_BE_EMPTY = ("template", "logo", "wordings", "signatures")
_MOST_PICTURES = 50  # of an event, in a day
_A_DAY = timedelta(days=1)
_LARGEST_TEMPLATE = 100_000  # characters
_COLOR = re.compile(r"#[0-9a-f]{6}")


@transactional
def set_design(event: Event, fields: Mapping[str, Any], *, actor: str) -> Design:
    """Decide how the event's certificates look from now on; what is not named stays. What was issued stays as it is.

    `logo`, `template` and a signature's `picture` are ids, or None; `wordings` are by role, `signatures` a list, as
    `Design` keeps them. InvalidError where the colour is no `#rrggbb`, for a language, a template or a picture that
    there is not for this event, for another role, and for more signatures or longer words than a paper has room for.
    """
    Design.objects.get_or_create(event=event)
    design = Design.objects.select_for_update().get(pk=event.pk)
    wanted = {name: fields[name] for name in DECIDED if name in fields}
    faults = [*_faults(event, wanted, shown=_pictures_of(design))]
    if faults:
        raise InvalidError.at(*faults)
    wanted = {name: _kept(name, value) for name, value in wanted.items()}
    changed = {name: value for name, value in wanted.items() if getattr(design, name) != value}
    for name, value in changed.items():
        setattr(design, name, value)
    if changed:
        design.event = event
        validate(design, exclude=_MAY_BE_EMPTY)
        design.save(update_fields=[*changed])
        audit.record(actor, "certificate_design.changed", event.pk, {"fields": sorted(changed)})
    return design


def copy_design(original: Event, copies: Sequence[Event]) -> None:
    """Let certificates of copies look as the original's, with the same pictures. Part of the caller's transaction."""
    design = Design.objects.filter(pk=original.pk).first()
    if design is not None:
        same = {name: getattr(design, name) for name in DECIDED}
        Design.objects.bulk_create(Design(event=copy, **same) for copy in copies)


def add_picture(event: Event, content: bytes, *, actor: str) -> Picture:
    """Keep a logo or a signature for the event's certificates, written anew as PNG.

    The row is written before the file, so that a file without a row can't be: this must be the outermost action.
    TooLargeError, UnsupportedTypeError; ConflictError `too_many_pictures` for more than 50 a day; UnavailableError
    `files_away`.
    """
    drawn = redraw(content)
    picture = Picture(width=drawn.width, height=drawn.height, key=vault.new_key(), created_at=now())
    _note_picture(event, picture, actor)
    try:
        vault.put(picture.path, drawn.png, picture.key)
    except UnavailableError:
        _forget_picture(picture, actor)
        raise
    return picture


def add_template(name: str, source: str, *, actor: str) -> Template:
    """Take a template of somebody's own, in typst, for every event to choose. For staff: it is code.

    It is set once before, for a sample, with no more rights than it will ever have; this must be the outermost action.
    InvalidError at `/source` with `template_broken` and what typst says, or `too_long`.
    """
    if len(source) > _LARGEST_TEMPLATE:
        raise _invalid("/source", "too_long", _("A template has at most %d characters.") % _LARGEST_TEMPLATE)
    broken = check_template(source)
    if broken:
        raise _invalid("/source", "template_broken", broken)
    return _note_template(Template(name=name, source=source, made_by=actor, created_at=now()), actor)


@transactional
def withdraw_template(template: Template, *, actor: str) -> Template:
    """Let nobody choose it any more; events that had go on with the one of ours that they chose before.

    What was issued by it stays as it is.
    """
    template = Template.objects.select_for_update().get(pk=template.pk)
    if template.withdrawn_at is None:
        template.withdrawn_at = now()
        template.save(update_fields=["withdrawn_at"])
        Design.objects.filter(template=template).update(template=None)
        audit.record(actor, "certificate_template.withdrawn", template.pk)
    return template


@transactional
def _note_picture(event: Event, picture: Picture, actor: str) -> None:
    if Picture.objects.filter(event=event, created_at__gt=now() - _A_DAY).count() >= _MOST_PICTURES:
        raise ConflictError(_("Too many pictures were sent today. Try again tomorrow."), "too_many_pictures")
    picture.event = event
    picture.save(force_insert=True)
    audit.record(actor, "certificate_picture.added", picture.pk, {"event": str(event.pk)})


@transactional
def _forget_picture(picture: Picture, actor: str) -> None:
    audit.record(actor, "certificate_picture.not_kept", picture.pk)
    picture.delete()


@transactional
def _note_template(template: Template, actor: str) -> Template:
    validate(template, exclude=("withdrawn_at",))
    template.save(force_insert=True)
    audit.record(actor, "certificate_template.added", template.pk)
    return template


def _kept(name: str, value: Any) -> Any:
    """Return a value that was found sound as it is kept."""
    match name:
        case "logo":
            return None if value is None else Picture.objects.get(pk=value)
        case "template":
            return None if value is None else Template.objects.get(pk=value)
        case "color":
            return value.lower()
        case "wordings":
            return {str(role): {part: said[part] for part in said if said[part]} for role, said in value.items()}
        case "signatures":
            return [
                {"name": one["name"], "position": one.get("position", ""), "picture": str(one.get("picture") or "")}
                for one in value
            ]
        case _:
            return value


def _faults(event: Event, wanted: Mapping[str, Any], *, shown: set[str]) -> Iterator[Fault]:
    if "color" in wanted and not _COLOR.fullmatch(str(wanted["color"]).lower()):
        yield Fault("/color", "invalid", _("Write a colour as #rrggbb."))
    if wanted.get("language") and first_of_ours(wanted["language"]) != wanted["language"]:
        yield Fault("/language", "invalid_choice", _("Turnout does not speak this language."))
    template = wanted.get("template")
    if template is not None and not Template.objects.filter(pk=template, withdrawn_at=None).exists():
        yield Fault("/template", "does_not_exist", _("There is no such template to choose."))
    yield from _unknown_roles(wanted.get("wordings", {}))
    signatures: Sequence[Mapping[str, Any]] = wanted.get("signatures", [])
    if len(signatures) > MOST_SIGNATURES:
        yield Fault("/signatures", "too_many", _("A certificate has at most %d signatures.") % MOST_SIGNATURES)
    for index, one in enumerate(signatures):
        yield from _too_long(f"/signatures/{index}", one, ("name", "position"))
        if not one.get("name"):
            yield Fault(f"/signatures/{index}/name", "required", _("Say who signs."))
    signed = {f"/signatures/{index}/picture": one.get("picture") for index, one in enumerate(signatures)}
    asked = {at: str(picture) for at, picture in {"/logo": wanted.get("logo"), **signed}.items() if picture}
    there = shown | _known_pictures(event, asked.values())
    for at, picture in asked.items():
        if picture not in there:
            yield Fault(at, "does_not_exist", _("This event has no such picture. Send it first."))


def _unknown_roles(wordings: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    for role, said in wordings.items():
        if role not in Role.values:
            yield Fault(f"/wordings/{role}", "invalid_choice", _("There is no such role."))
        yield from _too_long(f"/wordings/{role}", said, ("title", "text"))


def _too_long(at: str, said: Mapping[str, Any], parts: Iterable[str]) -> Iterator[Fault]:
    for part in parts:
        if len(said.get(part) or "") > LONGEST[part]:
            yield Fault(f"{at}/{part}", "max_length", _("Use at most %d characters.") % LONGEST[part])


def _known_pictures(event: Event, asked: Iterable[str]) -> set[str]:
    ids = {picture for picture in asked if _is_id(picture)}
    known = Picture.objects.filter(event=event, pk__in=ids).values_list("pk", flat=True)
    return {str(pk) for pk in known} if ids else set()


def _pictures_of(design: Design) -> set[str]:
    """Return the pictures that a design shows: one that was copied shows another event's."""
    return {str(design.logo_id or ""), *(str(one["picture"]) for one in design.signatures)} - {""}


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _invalid(at: str, code: str, detail: str) -> InvalidError:
    return InvalidError.at(Fault(at, code, detail))
