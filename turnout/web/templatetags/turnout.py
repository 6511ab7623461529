"""How events are written on pages."""

from django import template
from django.utils.translation import get_language_info, ngettext
from django.utils.translation import gettext as _

from turnout.events.models import Event
from turnout.events.queries import seats_of
from turnout.events.when import when

register = template.Library()
register.filter("when", when)

_FEW = 10  # seats left that are worth a word


@register.filter
def language_name(code: str) -> str:
    """Return a language's name in the reader's own; the code for one we have no name for."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


@register.filter
def seats_left(event: Event) -> str:
    """Return what is worth saying about an event's seats: that few are left, or none; else nothing."""
    left = seats_of(event).available
    if left is None or left > _FEW:
        return ""
    if left:
        return ngettext("%(count)d seat left", "%(count)d seats left", left) % {"count": left}
    return _("Full, with a waiting list") if event.waitlist_enabled else _("Full")
