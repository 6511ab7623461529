"""Lists on pages, a page at a time."""

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from turnout.core.errors import InvalidError
from turnout.core.paging import Page, page

_SHOWN = 20

M = TypeVar("M", bound=Model)


def page_of(request: HttpRequest, rows: QuerySet[M], name: str = "cursor") -> Page[M]:
    """Return the page that the address asks for, by the cursor of this name in it."""
    try:
        return page(rows, request.GET.get(name), _SHOWN)
    except InvalidError:
        return page(rows, None, _SHOWN)  # an old bookmark: the list begins anew
