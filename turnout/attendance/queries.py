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
    doors = keeper.doors(events)
    mine = [each for each in events if each in doors]
    if not mine:
        raise NotFoundError
    if len(mine) > 1:
        raise ConflictError("Scans of several events have this name: say which by `event`.", "ambiguous")
    return named.select_related("registration").get(event=mine[0])


def find_by_name(event: Event, text: str, session: UUID | None = None) -> list[tuple[Registration, datetime | None]]:
    """Return up to 20 people of an event by their names alone, and when each first came in; None for who is not there.

    At the session if one is named, else at the event as a whole. Nobody whose address was never confirmed: strangers
    would choose what stands on our team's screens.
    """
    named = Registration.objects.filter(event=event).proven().named(text).order_by("name_key", "id")
    people = list(named[:_FOUND_AT_ONCE])
    passages: dict[UUID | None, list[Scan]] = defaultdict(list)
    for scan in Scan.objects.passages().filter(registration__in=people, session=session):
        passages[scan.registration_id].append(scan)
    return [(each, _since(passages[each.pk])) for each in people]


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
    return {place: since for place, scans in places.items() if (since := _since(scans)) is not None}


def _since(passages: Iterable[Scan]) -> datetime | None:
    """Return when somebody came to a place first; None where they are not there now."""
    outcome = outcome_of(passages)
    return outcome.first.at if outcome.is_inside and outcome.first is not None else None
