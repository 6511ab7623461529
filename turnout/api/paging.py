"""Pages by key: page a thousand costs what page one costs, and nothing is skipped when rows come and go."""

import re
from collections.abc import Sequence
from typing import Any

from django.core import signing
from django.db.models import Model, Q
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

SIZE = 20
MOST = 100
_FORWARD, _BACKWARD = "n", "p"
_NUMBER = re.compile(r"0*[1-9][0-9]{0,8}")
_SALT = "turnout.cursor"


class KeysetPagination(BasePagination):
    """`{"next", "previous", "results"}`; `page_size` up to 100; `count=true` adds `count`.

    The queryset's own ordering is the key: fields that are never null and, behind them, the unique `id`. A cursor names
    the last row seen and the direction.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """Return the rows of the page asked for; ValidationError for parameters that make no sense."""
        self.url = request.build_absolute_uri()
        self.count = queryset.count() if request.query_params.get("count") == "true" else None
        size = _size(request.query_params.get("page_size"))
        ordering = _total([str(name) for name in queryset.query.order_by or queryset.model._meta.ordering])
        cursor = request.query_params.get("cursor")
        direction, key = _read(cursor, queryset.model, ordering) if cursor else (_FORWARD, None)
        walked = [_reverse(name) for name in ordering] if direction == _BACKWARD else ordering
        rows = list(queryset.order_by(*walked).filter(_after(walked, key))[: size + 1])
        more = len(rows) > size
        page = rows[:size]
        if direction == _BACKWARD:
            page.reverse()
        self.next = self.previous = None
        if page and (more if direction == _FORWARD else True):
            self.next = self._link(_FORWARD, page[-1], ordering)
        if page and (cursor is not None if direction == _FORWARD else more):
            self.previous = self._link(_BACKWARD, page[0], ordering)
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """Wrap one page."""
        count = {} if self.count is None else {"count": self.count}
        return Response({**count, "next": self.next, "previous": self.previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe one page."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "description": "With `count=true`."},
                "next": link,
                "previous": link,
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """Describe the parameters."""
        described: Sequence[tuple[str, str, dict[str, Any]]] = (
            ("cursor", "From `next` or `previous`.", {"type": "string"}),
            ("page_size", "Rows a page.", {"type": "integer", "minimum": 1, "maximum": MOST, "default": SIZE}),
            ("count", "`true` adds the number of all rows.", {"type": "string"}),
        )
        return [
            {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
            for name, text, schema in described
        ]

    def _link(self, direction: str, row: Model, ordering: list[str]) -> str:
        fields: list[Any] = [row._meta.get_field(name.lstrip("-")) for name in ordering]
        values = [direction, ordering, *(field.value_to_string(row) for field in fields)]
        # Signed, so that nobody can put into a query what no row ever held.
        return replace_query_param(self.url, "cursor", signing.dumps(values, salt=_SALT))


def _size(text: str | None) -> int:
    if text is None:
        return SIZE
    if not _NUMBER.fullmatch(text):
        raise ValidationError({"page_size": ["A number from 1 to 100."]})
    return min(int(text), MOST)


def _read(cursor: str, model: type[Model], ordering: list[str]) -> tuple[str, list[Any]]:
    """Return the direction and the key; whatever we did not write ourselves, for this order, is refused."""
    try:
        direction, order, *texts = signing.loads(cursor, salt=_SALT)
    except (signing.BadSignature, ValueError):
        direction, order, texts = "", None, []
    if order != ordering:
        raise ValidationError({"cursor": ["Use the address in `next` or `previous` as it is."]})
    fields: list[Any] = [model._meta.get_field(name.lstrip("-")) for name in ordering]
    return direction, [field.to_python(text) for field, text in zip(fields, texts, strict=True)]


def _after(ordering: list[str], key: list[Any] | None) -> Q:
    """Return the condition for rows behind the key, in a form that an index on the ordering serves."""
    if key is None:
        return Q()
    name, value = ordering[0].lstrip("-"), key[0]
    side = "lt" if ordering[0].startswith("-") else "gt"
    beyond = Q(**{f"{name}__{side}": value})
    if len(ordering) == 1:
        return beyond
    return Q(**{f"{name}__{side}e": value}) & (beyond | _after(ordering[1:], key[1:]))


def _total(ordering: list[str]) -> list[str]:
    """Return the ordering with the unique id behind it, so that no two rows are equal in it."""
    if ordering[-1].lstrip("-") == "id":
        return ordering
    return [*ordering, "-id" if ordering[0].startswith("-") else "id"]


def _reverse(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"
