"""Tells people from programs: one seam, and behind it ALTCHA, which asks nobody, or reCAPTCHA or Turnstile."""

from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from turnout.core.errors import Fault, InvalidError
from turnout.guard.actions import Claim, admit, spend
from turnout.guard.captcha import altcha, remote
from turnout.guard.notation import windows

log = structlog.get_logger()

LONGEST = 8192  # characters of an answer
# How often one network is let pass while the provider can't be asked.
_WHILE_AWAY = windows("3/minute,10/hour")


@dataclass(frozen=True, slots=True)
class Widget:
    """What a page shows: whose widget, with which public key. `version` is reCAPTCHA's."""

    provider: str
    site_key: str = ""
    version: int | None = None


def check(answer: str | None, client: str, *, purpose: str, always: bool = False) -> None:
    """Let pass whose answer shows that they are no program; everybody, where no CAPTCHA is switched on.

    `client` is their network (`addresses.network`); `purpose` is what the answer must have been given for, where the
    provider knows that (`registration`, `signup`, `login`, `password_reset`). `always` asks even where none is switched
    on, by ALTCHA. An answer counts once, so ask last, when the rest is sound; and outside any transaction: a provider
    may take seconds. One that can't be asked lets nobody in unseen and shuts nobody out: few from each network pass.
    Raises InvalidError `captcha_required`, `captcha_invalid`; ThrottledError.
    """
    provider = _provider(always=always)
    if provider == "none":
        return
    if not answer:
        raise _refusal("captcha_required", _("Show first that you are no program."))
    # What no provider ever hands out is not sent to one.
    sound = len(answer) <= LONGEST and answer.isascii() and answer.isprintable()
    if not sound or not _holds(provider, answer, client, purpose):
        raise _refusal("captcha_invalid", _("That you are no program was not shown, or too long ago. Try once more."))


def widget(*, always: bool = False) -> Widget | None:
    """Return what a page shows so that its visitors can answer; None where nothing is asked."""
    provider = _provider(always=always)
    if provider == "none":
        return None
    if provider == "altcha":
        return Widget(provider)
    return Widget(provider, settings.CAPTCHA_SITE_KEY, settings.RECAPTCHA_VERSION if provider == "recaptcha" else None)


def challenge(*, always: bool = False) -> dict[str, Any]:
    """Return what a client needs to give an answer: the provider with its public key, or ALTCHA's challenge."""
    shown = widget(always=always)
    if shown is None:
        return {"provider": "none"}
    if shown.provider == "altcha":
        return {"provider": "altcha", **altcha.challenge()}
    version = {} if shown.version is None else {"version": shown.version}
    return {"provider": shown.provider, "site_key": shown.site_key, **version}


def _provider(*, always: bool) -> str:
    name: str = settings.CAPTCHA
    return "altcha" if always and name == "none" else name


def _holds(provider: str, answer: str, client: str, purpose: str) -> bool:
    if provider == "altcha":
        solved = altcha.solved(answer)
        return solved is not None and spend(solved.key, solved.expires_at)
    try:
        return remote.vouches(provider, answer, purpose)
    except remote.AwayError as error:
        log.warning("captcha_provider_away", provider=provider, reason=str(error))
        admit(Claim("captcha-away", client, _WHILE_AWAY))
        return True


def _refusal(code: str, detail: str) -> InvalidError:
    return InvalidError(detail, code, faults=(Fault("/captcha", code, detail),))
