"""The doctor on the command line."""

import dataclasses
import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from turnout.reports.doctor import Finding, Level, examine, send_test_mail

_MARKS = {Level.OK: "ok     ", Level.WARNING: "WARNING", Level.ERROR: "ERROR  ", Level.UNKNOWN: "unknown"}


class Command(BaseCommand):
    """Looks at what Turnout leans on, and says what to do. Its exit status is 1 where there is an error."""

    help = "Look at mail, DNS, clocks, queue, storage and database, and say what to do; exit with 1 where one is wrong."
    requires_system_checks = ()  # it says itself what they say
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Add a test mail, and the form."""
        parser.add_argument(
            "--mail", metavar="ADDRESS", help="send a test mail there, and say what the server answered"
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_: Any, **options: Any) -> None:
        """Look, and say what was found."""
        found = examine()
        if options["mail"]:
            found.append(_mailed(options["mail"]))
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(finding) for finding in found], indent=2))
        else:
            self.stdout.write("\n".join(_in_words(finding) for finding in found))
        errors = sum(finding.level == Level.ERROR for finding in found)
        if errors:
            raise CommandError(f"{errors} error{'s' if errors > 1 else ''} found.")


def _mailed(address: str) -> Finding:
    try:
        validate_email(address)
    except ValidationError as error:
        raise CommandError(f"{address} is no mail address.") from error
    return send_test_mail(address)


def _in_words(finding: Finding) -> str:
    advice = f"\n{'':8}-> {finding.advice}" if finding.advice else ""
    return f"{_MARKS[finding.level]} {finding.check}: {finding.says}{advice}"
