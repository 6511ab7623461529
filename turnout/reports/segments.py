"""Whom a segment can be of: the one thing about it that rooms to come will know."""

from turnout.events.models import Event
from turnout.registrations.mailings.segments import Segment
from turnout.registrations.models import Registration, RegistrationQuerySet
from turnout.reports.presence import checked_in


def among(event: Event, segment: Segment) -> RegistrationQuerySet:
    """Return those registered at the event who are there, or are not, where a segment asks for that; else all.

    With a session it is to ask who was in that one. Without `checked_in` a session leaves out nobody: whoever is
    registered may attend each.
    """
    registered: RegistrationQuerySet = Registration.objects.filter(event=event)
    return registered if segment.checked_in is None else checked_in(registered, is_in=segment.checked_in)
