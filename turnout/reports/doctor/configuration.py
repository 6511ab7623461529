"""What is configured, and what came with the release."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.checks import run_checks

from turnout.reports.doctor.findings import Remark, check, error, ok, warning

_OWN_MACHINE = "turnout.E001"  # of turnout/config/checks.py: no server but the demo starts with it


@check("Configuration")
def production() -> Iterator[Remark]:
    """Ask what `check --deploy` asks of our own settings."""
    messages = run_checks(tags=["production"], include_deployment_checks=True)
    for message in messages:
        # Whoever reads this on their own machine means it.
        judge = error if message.is_serious() and message.id != _OWN_MACHINE else warning
        yield judge(str(message.msg), str(message.hint or ""))
    if not messages:
        yield ok("Nothing is unsafe in production.")


@check("Secrets")
def secrets() -> Iterator[Remark]:
    """Look whether what signs and what encrypts can be changed apart."""
    if settings.KEYS_SECRET[:1] != [settings.SECRET_KEY]:
        yield ok("KEYS_SECRET is a secret of its own.")
    elif settings.LOCAL:
        yield ok("On one's own machine one secret does for all.")
    else:
        yield warning(
            "KEYS_SECRET is SECRET_KEY: who changes that one alone can read nothing any more that is encrypted.",
            "Set KEYS_SECRET to a new secret, followed by a comma and the SECRET_KEY, and run manage.py rotate_keys: "
            "docs/security.md.",
        )


@check("Languages")
def languages() -> Iterator[Remark]:
    """Look whether the translations are there in the form that is read."""
    folder = Path(settings.LOCALE_PATHS[0])
    others = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
    missing = [code for code in others if not (folder / code / "LC_MESSAGES" / "django.mo").is_file()]
    if missing:
        yield error(
            f"No compiled translation for {', '.join(missing)}: pages and mails are English.",
            "Run manage.py compilemessages, or install the release whole.",
        )
    else:
        yield ok(f"Translations are there for {', '.join(others)}.")
