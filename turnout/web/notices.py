"""What one was told in the app."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from turnout.accounts.models import User
from turnout.core.errors import InvalidError, NotFoundError
from turnout.notifications.feed.actions import mark_read
from turnout.notifications.feed.notices import write
from turnout.notifications.feed.queries import notices_of
from turnout.web.forms import own_page, self_of
from turnout.web.pages import page_of


@own_page
def notices_page(request: HttpRequest) -> HttpResponse:
    """List them, the latest first. POST marks the one that is named as read, or all; who opens one has read it."""
    user = self_of(request)
    if "open" in request.GET:
        return _opened(user, request.GET["open"])
    if request.method == "POST":
        mark_read(user.pk, *_named(request))
        return redirect(request.get_full_path())
    listed = page_of(request, notices_of(user.pk))
    notices = [(entry, write(entry)) for entry in listed.rows]
    return render(request, "web/notices/list.html", {"notices": notices, "page": listed})


def _opened(user: User, named: str) -> HttpResponse:
    try:
        entry = notices_of(user.pk).filter(pk=named).first()
    except ValidationError as error:  # it is no id
        raise NotFoundError from error
    if entry is None:
        raise NotFoundError
    mark_read(user.pk, entry.pk)
    return redirect(write(entry).path)


def _named(request: HttpRequest) -> list[UUID]:
    try:
        return [UUID(each) for each in request.POST.getlist("notice")]
    except ValueError as error:
        raise InvalidError(_("The request is malformed.")) from error
