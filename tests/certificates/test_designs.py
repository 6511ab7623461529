"""How certificates look is the team's to decide, within what a paper has room for."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from PIL import Image

from tests.support import make
from turnout.certificates.actions.designs import add_picture, add_template, set_design, withdraw_template
from turnout.certificates.actions.events import clone_event, make_series
from turnout.certificates.documents import pictures
from turnout.certificates.models import Design, Picture
from turnout.certificates.snapshots import Looks, Signature
from turnout.certificates.writing import Writer, design_of
from turnout.core.clock import now
from turnout.core.errors import ConflictError, InvalidError
from turnout.core.models import AuditEntry
from turnout.events.dates import Start
from turnout.media import vault

pytestmark = pytest.mark.django_db
OWN = '#import "certificate.typ": *\n#show: certificate\n#own(says.name)'


def picture_of(size: tuple[int, int] = (40, 20)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, "PNG")
    return out.getvalue()


def test_a_design_is_decided_part_by_part_and_certificates_get_it() -> None:
    event = make.event()
    logo, signed = (add_picture(event, picture_of(), actor="team") for _ in range(2))
    set_design(event, {"base": "modern", "color": "#AA0033", "logo": logo.pk}, actor="team")
    set_design(
        event,
        {
            "paper": "letter",
            "wordings": {"speaker": {"title": "Merci", "text": ""}},
            "signatures": [{"name": "Amina", "position": "Head", "picture": signed.pk}, {"name": "Yacine"}],
        },
        actor="team",
    )
    assert Writer(event)._looks == Looks(
        template="modern",
        paper="letter",
        color="#aa0033",
        logo=str(logo.pk),
        signatures=(Signature(name="Amina", position="Head", picture=str(signed.pk)), Signature(name="Yacine")),
    )
    assert design_of(event).wordings == {"speaker": {"title": "Merci"}}
    assert AuditEntry.objects.filter(verb="certificate_design.changed").count() == 2


def test_copies_of_an_event_certify_on_the_same_paper_and_change_it_alone() -> None:
    event = make.event(owner=make.user())
    logo, signed = (add_picture(event, picture_of(), actor="team") for _ in range(2))
    signatures = [{"name": "Amina", "position": "Head", "picture": str(signed.pk)}]
    set_design(event, {"base": "modern", "logo": logo.pk, "signatures": signatures}, actor="team")
    looks = Writer(event)._looks
    copy = clone_event(event, None, {}, actor="team")
    series = make_series(event, [Start(event.starts_at + timedelta(days=7), "")], actor="team")
    assert [Writer(each)._looks for each in (copy, *series.events.all())] == [looks] * 3
    set_design(copy, {"color": "#aa0033", "logo": logo.pk, "signatures": signatures}, actor="team")
    assert Writer(copy)._looks == replace(looks, color="#aa0033")
    assert Writer(event)._looks == looks
    set_design(copy, {"logo": None}, actor="team")
    with pytest.raises(InvalidError):
        set_design(copy, {"logo": logo.pk}, actor="team")


def test_an_event_without_a_design_has_copies_without_one() -> None:
    assert not Design.objects.filter(event=clone_event(make.event(), None, {}, actor="team")).exists()


def test_what_is_the_same_already_is_no_change() -> None:
    event = make.event()
    for _ in range(2):
        set_design(event, {"color": "#aa0033", "signatures": [{"name": "Amina"}]}, actor="team")
    assert AuditEntry.objects.filter(verb="certificate_design.changed").count() == 1


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"color": "red"}, "/color", "invalid"),
        ({"color": "#12345"}, "/color", "invalid"),
        ({"base": "baroque"}, "/base", "invalid_choice"),
        ({"paper": "a5"}, "/paper", "invalid_choice"),
        ({"language": "tlh"}, "/language", "invalid_choice"),
        ({"template": "01890000-0000-7000-8000-000000000000"}, "/template", "does_not_exist"),
        ({"logo": "01890000-0000-7000-8000-000000000000"}, "/logo", "does_not_exist"),
        ({"logo": "no id"}, "/logo", "does_not_exist"),
        ({"wordings": {"king": {"title": "x"}}}, "/wordings/king", "invalid_choice"),
        ({"wordings": {"speaker": {"title": "x" * 101}}}, "/wordings/speaker/title", "max_length"),
        ({"signatures": [{"name": "x"}] * 4}, "/signatures", "too_many"),
        ({"signatures": [{"name": ""}]}, "/signatures/0/name", "required"),
        ({"signatures": [{"name": "x" * 101}]}, "/signatures/0/name", "max_length"),
        ({"signatures": [{"name": "x"}, {"name": "y", "picture": "z"}]}, "/signatures/1/picture", "does_not_exist"),
    ],
)
def test_a_design_that_no_paper_could_have_is_refused(fields: dict[str, Any], pointer: str, code: str) -> None:
    event = make.event()
    with pytest.raises(InvalidError) as refused:
        set_design(event, fields, actor="team")
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [(pointer, code)]
    assert not Design.objects.exclude(color="#1f4e79").exists()


def test_another_events_picture_is_none_of_ours() -> None:
    event, theirs = make.event(), add_picture(make.event(), picture_of(), actor="them")
    with pytest.raises(InvalidError) as refused:
        set_design(event, {"logo": theirs.pk}, actor="team")
    assert refused.value.faults[0].code == "does_not_exist"


def test_a_picture_lies_sealed_and_papers_show_it() -> None:
    event = make.event()
    picture = add_picture(event, picture_of((60, 30)), actor="team")
    assert (picture.width, picture.height) == (60, 30)
    looks = Looks(logo=str(picture.pk))
    shown = pictures.of(looks)
    assert bytes(shown["logo"]) == vault.fetch(picture.path, picture.key)
    assert not pictures.missing(looks, shown)


def test_a_lost_picture_is_missing_and_no_error() -> None:
    picture = add_picture(make.event(), picture_of(), actor="team")
    vault.drop(picture.path)
    looks = Looks(logo=str(picture.pk))
    assert pictures.missing(looks, pictures.of(looks))


def test_an_event_takes_so_many_pictures_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnout.certificates.actions.designs._MOST_PICTURES", 1)
    event = make.event()
    add_picture(event, picture_of(), actor="team")
    with pytest.raises(ConflictError) as refused:
        add_picture(event, picture_of(), actor="team")
    assert refused.value.code == "too_many_pictures"
    assert Picture.objects.count() == 1
    with time_machine.travel(now() + timedelta(days=1, minutes=1)):
        add_picture(event, picture_of(), actor="team")
    assert Picture.objects.count() == 2


def test_a_withdrawn_template_is_no_longer_chosen_nor_to_be_chosen() -> None:
    event, other = make.event(), make.event()
    template = add_template("Ours", OWN, actor="staff")
    set_design(event, {"base": "minimal", "template": template.pk}, actor="team")
    assert Writer(event)._looks.template == str(template.pk)
    for _ in range(2):
        withdraw_template(template, actor="staff")
    assert Writer(event)._looks.template == "minimal"
    with pytest.raises(InvalidError) as refused:
        set_design(other, {"template": template.pk}, actor="team")
    assert refused.value.faults[0].pointer == "/template"
    assert AuditEntry.objects.filter(verb="certificate_template.withdrawn").count() == 1
