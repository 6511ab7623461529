"""Whom a segment can be of: what is known further up than segments are, who came."""

from turnout.events.models import Event
from turnout.registrations.mailings.segments import Segment
from turnout.registrations.models import Registration, RegistrationQuerySet
from turnout.reports.presence import checked_in


def among(event: Event, segment: Segment) -> RegistrationQuerySet:
    """Return those registered at the event who came, or did not, where a segment asks for that; else all.

    With a session it asks who came to that one. Without `checked_in` a session leaves out nobody: whoever is
    registered may attend each.
    """
    registered: RegistrationQuerySet = Registration.objects.filter(event=event)
    if segment.checked_in is None:
        return registered
    return checked_in(registered, is_in=segment.checked_in, session=segment.session)
