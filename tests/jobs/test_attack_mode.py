"""Attack mode from the command line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.support import make
from turnout.core.ids import new_id
from turnout.registrations.actions import register
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


def said(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_attack_mode_is_switched_and_says_how_it_stands() -> None:
    event = str(make.event().pk)
    assert said("attack_mode", "status") == "off\n"
    assert said("attack_mode", "on").startswith("on, since ")
    assert said("attack_mode", "off") == "off\n"
    assert said("attack_mode", "status", "--event", event) == "automatic\n"
    assert said("attack_mode", "off", "--event", event).startswith("off, since ")
    assert said("attack_mode", "automatic", "--event", event) == "automatic\n"


@pytest.mark.parametrize(
    "words",
    [
        ("attack_mode", "automatic"),
        ("attack_mode", "on", "--event", "x"),
        ("attack_mode", "on", "--event", str(new_id())),
        ("burst", "x"),
    ],
)
def test_what_makes_no_sense_is_said(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        said(*words)


def test_a_burst_is_shown_rolled_back_and_returned() -> None:
    event = make.event(title="Welding")
    call_command("attack_mode", "on", "--event", str(event.pk), stdout=StringIO())
    for n in range(2):
        register(event, make.guest(email=f"x@domain{n}.example"), client="203.0.113.7")
    burst = ("burst", str(event.pk))
    assert said(*burst).splitlines() == [
        "Welding: attack mode on; 2 registered, 0 confirmed, 2 quarantined, 0 rolled back",
        "  203.0.113.0/24       2 registered, 0 confirmed, 2 quarantined, 0 rolled back",
        "  domain0.example      1 registered, 0 confirmed, 1 quarantined, 0 rolled back",
        "  domain1.example      1 registered, 0 confirmed, 1 quarantined, 0 rolled back",
    ]
    assert "0 quarantined, 1 rolled back" in said(*burst, "--roll-back", "--domain", "domain0.example")
    assert "0 quarantined, 2 rolled back" in said(*burst, "--roll-back", "--block", "203.0.113.0/24")
    with pytest.raises(CommandError, match="No registration of this event is quarantined"):
        said(*burst, "--roll-back")
    assert said(*burst, "--undo").startswith(
        "Welding: attack mode on; 2 registered, 0 confirmed, 1 quarantined, 1 rolled back"
    )
    said(*burst, "--undo")
    with pytest.raises(CommandError, match="no rollback"):
        said(*burst, "--undo")
    assert set(Registration.objects.values_list("status", flat=True)) == {"pending"}
