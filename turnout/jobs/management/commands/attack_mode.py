"""Attack mode from the command line."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from turnout.core import audit
from turnout.events.models import Event
from turnout.registrations.attacks.actions import switch_event, switch_platform
from turnout.registrations.attacks.models import PLATFORM
from turnout.registrations.attacks.queries import switch


class Command(BaseCommand):
    """Switches attack mode, of the platform or one event, and says how it stands."""

    help = "Switch attack mode on or off, or leave an event to itself again; status: say how it stands."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to do, and where."""
        parser.add_argument("mode", choices=["on", "off", "automatic", "status"])
        parser.add_argument("--event", metavar="ID", help="of this event alone")

    def handle(self, *_: Any, **options: Any) -> None:
        """Switch, and say how it stands."""
        mode, event = options["mode"], find_event(options["event"]) if options["event"] else None
        if event and mode != "status":
            switch_event(event, mode, actor=audit.SYSTEM)
        elif mode == "automatic":
            raise CommandError("Only an event is left to itself: name it with --event.")
        elif mode != "status":
            switch_platform(on=mode == "on", actor=audit.SYSTEM)
        found = switch(str(event.id) if event else PLATFORM)
        self.stdout.write(f"{found.mode}, since {found.since:%Y-%m-%d %H:%M} UTC" if found.since else found.mode)


def find_event(text: str) -> Event:
    """Return the event with this id; CommandError if there is none."""
    try:
        return Event.objects.get(pk=text)
    except (Event.DoesNotExist, ValidationError) as error:
        raise CommandError(f"There is no event {text}.") from error
