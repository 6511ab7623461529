"""How a list is paged: `turnout.core.paging`, said in the API's words."""

import re
from collections.abc import Sequence
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from turnout.core.paging import count, page

SIZE = 20
MOST = 100
_NUMBER = re.compile(r"0*[1-9][0-9]{0,8}")


class KeysetPagination(BasePagination):
    """`{"next", "previous", "results"}`; `page_size` up to 100; `count=true` adds `count`."""

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """Return the rows of the page asked for; ValidationError for parameters that make no sense."""
        self.count = count(queryset) if request.query_params.get("count") == "true" else None
        size = _size(request.query_params.get("page_size"))
        asked = page(queryset, request.query_params.get("cursor"), size)
        url = request.build_absolute_uri()
        self.next, self.previous = (
            cursor and replace_query_param(url, "cursor", cursor) for cursor in (asked.next, asked.previous)
        )
        return asked.rows

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


def _size(text: str | None) -> int:
    if text is None:
        return SIZE
    if not _NUMBER.fullmatch(text):
        raise ValidationError({"page_size": ["A number from 1 to 100."]})
    return min(int(text), MOST)
