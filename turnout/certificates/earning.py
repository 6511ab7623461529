"""Who has earned a certificate, and what it credits them with."""

from collections.abc import Iterator
from decimal import Decimal

from django.db import models
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from turnout.attendance.presence import Attendance, attended
from turnout.certificates.models import CertificateRules
from turnout.events.models import Event
from turnout.registrations.models import Registration, RegistrationQuerySet


class Lack(models.TextChoices):
    """What somebody's presence lacks to earn one."""

    PRESENCE = "presence", gettext_lazy("Not checked in")
    PERCENT = "percent", gettext_lazy("Too few sessions")
    MINUTES = "minutes", gettext_lazy("Not there long enough")
    SESSIONS = "sessions", gettext_lazy("A required session is missing")


_QUARTERS = 15  # minutes: hours are credited by quarters, rounded down
_A_DAY = 24 * 60


def rules_of(event: Event) -> CertificateRules:
    """Return what the event asks; the defaults, which certify nobody on their own, where it has decided nothing."""
    rules = CertificateRules.objects.filter(pk=event.pk).first() or CertificateRules(event=event, automatic=False)
    if rules.required_sessions:
        programme = {str(session) for session in event.sessions.values_list("pk", flat=True)}
        # What was taken off the programme nobody can attend.
        rules.required_sessions = [each for each in rules.required_sessions if each in programme]
    return rules


def earners(
    event: Event, rules: CertificateRules, registrations: RegistrationQuerySet
) -> Iterator[tuple[Registration, Attendance]]:
    """Yield which of these, of the event's confirmed ones, have earned it, with their presence; in seven queries.

    Whoever was erased has no name to certify.
    """
    confirmed = registrations.filter(event=event, status=Registration.Status.CONFIRMED).proven()
    presence = attended(event, confirmed)
    for registration in confirmed.order_by("id"):
        # Who was confirmed since then is the next time's.
        own = presence.get(registration.pk)
        if own is not None and has_earned(rules, own):
            yield registration, own


def has_earned(rules: CertificateRules, own: Attendance) -> bool:
    """Tell whether this presence is what the rules ask. Whether the team has to say so, too, is not asked here."""
    return not lacks(rules, own)


def lacks(rules: CertificateRules, own: Attendance) -> list[Lack]:
    """Return what this presence lacks of what the rules ask; nothing else counts for who was never there."""
    if own.checked_in_at is None:
        return [Lack.PRESENCE]
    met = {
        Lack.PERCENT: own.percent >= rules.min_attendance_percent,
        Lack.MINUTES: own.minutes >= rules.min_minutes,
        Lack.SESSIONS: set(rules.required_sessions) <= {str(session) for session in own.sessions},
    }
    return [lack for lack, is_met in met.items() if not is_met]


def hours(event: Event, rules: CertificateRules, own: Attendance) -> Decimal | None:
    """Return the hours credited for this presence: the same for everybody where the event says so, else as long.

    None where that is not known: the hours of an event of more than a day without sessions are no hours that somebody
    worked.
    """
    if rules.hours is not None:
        return rules.hours
    lasts_long = (event.ends_at - event.starts_at).total_seconds() > _A_DAY * 60
    if lasts_long and not own.sessions:
        return None
    minutes = own.minutes // _QUARTERS * _QUARTERS
    return Decimal(minutes) / 60 if minutes else None


def criteria(event: Event, rules: CertificateRules, language: str) -> str:
    """Return in words of this language by what a participant earns it."""
    with translation.override(language):
        asked = []
        if rules.min_attendance_percent:
            asked.append(_("attending at least %d percent of the sessions") % rules.min_attendance_percent)
        if rules.min_minutes:
            asked.append(
                ngettext("being there for at least %d minute", "being there for at least %d minutes", rules.min_minutes)
                % rules.min_minutes
            )
        titles = event.sessions.filter(pk__in=rules.required_sessions).values_list("title", flat=True)
        if titles:
            asked.append(_("attending %s") % _(", ").join(_("“%s”") % title for title in titles))
        if not asked:
            asked.append(_("being there"))
        if rules.by_hand:
            asked.append(_("the organisers' decision"))
        return _("Earned by %s.") % _(", and ").join(asked)
