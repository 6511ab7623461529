"""The first page: where to go from here."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from turnout.core.clock import now
from turnout.events.models import Event

_SHOWN = 12


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show this week's workshops, what comes after them, and the addresses of everything else."""
    listed = Event.objects.visible_to(request.user).listed().order_by("starts_at", "id")
    workshops = listed.filter(kind=Event.Kind.WORKSHOP).in_week_of(now()).prefetch_related("pools")
    coming = listed.not_over().exclude(pk__in=workshops.values("pk")).prefetch_related("pools")
    context = {"workshops": workshops[:_SHOWN], "coming": coming[:_SHOWN], "mail_shown": settings.MAIL_SHOWN}
    return render(request, "web/home.html", context)
