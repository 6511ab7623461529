"""Whether a certificate is one of ours, and as it was."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from turnout.certificates.credentials import did_document, keys_of, verify
from turnout.certificates.credentials.verifying import LARGEST, read_json
from turnout.core.errors import InvalidError


class Command(BaseCommand):
    """Checks a certificate."""

    help = "Tell whether a certificate, a PDF or a credential, is valid; with --keys without a database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the files."""
        parser.add_argument("file", type=Path, help="the PDF, or the credential as JSON")
        parser.add_argument("--keys", type=Path, help="a saved did.json of its issuer; else this site's keys")
        parser.add_argument("--status", type=Path, help="a saved status list, by which to ask whether it was revoked")

    def handle(self, *_: Any, **options: Any) -> None:
        """Say what was found, and exit with 1 where it is not valid."""
        try:
            given = options["keys"]
            known = keys_of(read_json(_content(given)) if given else did_document())
            status = options["status"] and _content(options["status"])
            verdict = verify(_content(options["file"]), known, status)
        except (OSError, InvalidError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(verdict))
        if not verdict.valid:
            raise SystemExit(1)


def _content(path: Path) -> bytes:
    """Return what is in a file, but of one that is too large no more than shows that it is."""
    with path.open("rb") as file:
        return file.read(LARGEST + 1)
