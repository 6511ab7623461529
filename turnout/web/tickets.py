"""One's tickets: the page of each registration, for its holder, and the list of all of them."""

from collections.abc import Callable
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_safe

from turnout.accounts.policies import is_seeker
from turnout.core import audit
from turnout.core.errors import ConflictError, DomainError, GoneError, InvalidError, NotFoundError, ThrottledError
from turnout.registrations import actions
from turnout.registrations.actions.coming import still_coming
from turnout.registrations.actions.offers import accept
from turnout.registrations.actions.tickets import reissue_ticket
from turnout.registrations.queries import find, past, position, upcoming
from turnout.web.forms import form_page, private, secret_page
from turnout.web.here import arrive, remember, room_of
from turnout.web.pages import page_of
from turnout.web.questions import shown_answers
from turnout.web.standing import Ticket, held, ticket_of, with_certificates

_STATUS: dict[type[DomainError], int] = {ConflictError: 409, GoneError: 410, InvalidError: 400, ThrottledError: 429}
_DEEDS = {"cancel": actions.cancel, "accept": accept, "still_coming": still_coming, "reissue": reissue_ticket}


@never_cache
@require_safe
@login_required
def tickets_page(request: HttpRequest) -> HttpResponse:
    """Show what one is registered for, by whichever door: what is to come, and what was."""
    coming, over = page_of(request, upcoming(request.user), "upcoming"), page_of(request, past(request.user), "past")
    tickets = with_certificates([ticket_of(registration) for registration in [*coming.rows, *over.rows]])
    context = {
        "upcoming": tickets[: len(coming.rows)],
        "past": tickets[len(coming.rows) :],
        "upcoming_page": coming,
        "past_page": over,
    }
    return render(request, "web/registrations/tickets.html", context)


@secret_page
@form_page
def registration_page(request: HttpRequest, registration_id: UUID) -> HttpResponse:
    """Show where a registration stands, with its ticket, to who has its key or is signed in as its holder.

    POST does one of the deeds; where the form names none, it cancels.
    """
    key = (request.POST if request.method == "POST" else request.GET).get("token", "")
    if not key and not request.user.is_authenticated:
        raise NotFoundError
    if not key:
        return _page_of_own(request, registration_id)

    def ticket() -> Ticket:
        registration = find(registration_id, AnonymousUser(), key)  # by its key alone: see `secret_page`
        return Ticket(registration, position(registration))

    return private(_page(request, ticket, key))


@csrf_protect  # here a cookie gives the right
def _page_of_own(request: HttpRequest, registration_id: UUID) -> HttpResponse:
    def ticket() -> Ticket:
        registration = held(request.user).filter(pk=registration_id).first()
        if registration is None:
            raise NotFoundError
        return ticket_of(registration)

    return _page(request, ticket)


def _page(request: HttpRequest, found: Callable[[], Ticket], key: str = "") -> HttpResponse:
    ticket, refused, status = found(), "", 200
    if request.method == "POST":
        try:
            _do(request, ticket, audit.GUEST if key else audit.actor_of(request.user))
        except (ConflictError, GoneError, InvalidError, ThrottledError) as error:
            ticket, refused = found(), error.detail  # things are not as the page said
            status = _STATUS[type(error)]
        else:
            return HttpResponseRedirect(ticket.registration.page_path() if key else request.path)
    can_enroll = not key and is_seeker(request.user)
    context = {
        "ticket": with_certificates([ticket])[0],
        "answers": shown_answers(ticket.registration, key),
        "token": key,
        "refused": refused,
        "can_enroll": can_enroll,
        "room": room_of(ticket.registration),
    }
    response = render(request, "web/registrations/registration.html", context, status=status)
    if key:
        remember(response, ticket.registration)
    return response


def _do(request: HttpRequest, ticket: Ticket, actor: str) -> None:
    deed = request.POST.get("deed", "cancel")
    if deed == "check_in":
        arrive(request, ticket.registration, request.POST.get("code", ""), actor=actor)
        return
    if deed not in _DEEDS:
        raise InvalidError(_("The request is malformed."))
    _DEEDS[deed](ticket.registration, actor=actor)
