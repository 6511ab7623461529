"""What is asked of attendance by more than one place."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError

from turnout.attendance.doorkeepers import Doorkeeper
from turnout.attendance.models import Scan
from turnout.attendance.outcomes import outcome_of
from turnout.core.errors import ConflictError, NotFoundError
from turnout.events.models import Event, Question, Session
from turnout.registrations.answers import told
from turnout.registrations.models import Registration

_FOUND_AT_ONCE = 20


def shown_at_door(event: UUID) -> set[UUID]:
    """Return the keys of the questions whose answers a scanner may see."""
    return set(Question.objects.asked_at(event).filter(at_door=True).values_list("key", flat=True))


def door_answers(event: UUID, registrations: Iterable[Registration]) -> dict[UUID, list[tuple[str, object]]]:
    """Return of each registration of the event, by id, what a scanner may see of its answers: question and answer.

    Only to questions that are marked so today. Two queries.
    """
    shown = shown_at_door(event)
    if not shown:
        return {}
    return {
        person: [(question.label, answer) for question, answer in answers if _is_shown(question, shown)]
        for person, answers in told(registrations).items()
    }


def _is_shown(question: Question, shown: Collection[UUID]) -> bool:
    # A file is never shown, not even one that answered an earlier wording.
    return question.key in shown and question.type != Question.Type.FILE


def find_scan(keeper: Doorkeeper, scan_id: str, event: UUID | None = None) -> Scan:
    """Return the scan of this name at the keeper's doors; NotFoundError.

    ConflictError `ambiguous` where scans of several events have the name, and it is not said which is meant.
    """
    named = Scan.objects.filter(scan_id=scan_id, **({"event": event} if event else {}))
    events = list(named.values_list("event_id", flat=True))
    mine = [each for each in events if each in keeper.doors(events)]
    if not mine:
        raise NotFoundError
    if len(mine) > 1:
        raise ConflictError("Scans of several events have this name: say which by `event`.", "ambiguous")
    return named.select_related("registration").get(event=mine[0])


def find_by_name(event: Event, text: str) -> list[tuple[Registration, datetime | None]]:
    """Return up to 20 people of an event by their names alone, and since when each is in.

    Nobody whose address was never confirmed: strangers would choose what stands on our team's screens.
    """
    named = Registration.objects.filter(event=event).proven().named(text).order_by("name_key", "id")
    people = list(named[:_FOUND_AT_ONCE])
    entries = Scan.objects.openings().filter(registration__in=people, session=None)
    since = dict(entries.values_list("registration_id", "at"))
    return [(each, since.get(each.pk)) for each in people]


def session_of(event: Event, text: str) -> Session | None:
    """Return the event's session of this id; None for an empty text, NotFoundError for any other."""
    if not text:
        return None
    try:
        return event.sessions.get(pk=text)
    except (Session.DoesNotExist, ValidationError) as error:
        raise NotFoundError from error


def inside_since(registration: Registration) -> dict[UUID | None, datetime]:
    """Return where somebody is now, by session (None is the event as a whole), and when they came there first."""
    places: dict[UUID | None, list[Scan]] = defaultdict(list)
    for scan in Scan.objects.passages().filter(registration=registration):
        places[scan.session_id].append(scan)
    outcomes = {place: outcome_of(scans) for place, scans in places.items()}
    return {place: each.first.at for place, each in outcomes.items() if each.is_inside and each.first is not None}
