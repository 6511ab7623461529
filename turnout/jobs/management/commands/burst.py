"""A burst of registrations from the command line."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from turnout.core.errors import DomainError
from turnout.events.models import Event
from turnout.jobs.management.commands.attack_mode import find_event
from turnout.registrations.attacks.actions import roll_back, undo
from turnout.registrations.attacks.models import Rollback
from turnout.registrations.attacks.queries import COUNTS, burst


class Command(BaseCommand):
    """Shows who registered for an event lately, rolls back what is quarantined, and undoes that."""

    help = "Show an event's registrations of the last seven days by address block and mail domain."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the event, and what to do."""
        parser.add_argument("event", metavar="EVENT", help="its id")
        parser.add_argument("--roll-back", action="store_true", help="cancel what is quarantined: all, or only")
        parser.add_argument("--block", action="append", default=[], metavar="203.0.113.0/24", dest="blocks")
        parser.add_argument("--domain", action="append", default=[], metavar="example.org", dest="domains")
        parser.add_argument("--undo", action="store_true", help="undo the last rollback")

    def handle(self, *_: Any, **options: Any) -> None:
        """Do it, and show how it stands."""
        event = find_event(options["event"])
        try:
            if options["roll_back"]:
                roll_back(event, blocks=options["blocks"], domains=options["domains"])
            if options["undo"]:
                undo(_last_rollback(event))
        except DomainError as error:
            raise CommandError(error.detail) from error
        shown = burst(event)
        self.stdout.write(f"{event.title}: attack mode {shown.attack.mode}; {_counts(shown.total)}")
        for row in shown.blocks:
            self.stdout.write(f"  {row['block'] or 'unknown':<20} {_counts(row)}")
        for row in shown.domains:
            self.stdout.write(f"  {row['mail_domain']:<20} {_counts(row)}")


def _last_rollback(event: Event) -> Rollback:
    rollback = Rollback.objects.filter(event=event, undone_at__isnull=True).first()
    if rollback is None:
        raise CommandError("There is no rollback to undo.")
    return rollback


def _counts(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{row[name]} {name.replace('_', ' ')}" for name in COUNTS)
