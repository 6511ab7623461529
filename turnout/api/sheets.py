"""Lists as sheets, for who wants them in a spreadsheet."""

from collections.abc import Iterable, Sequence

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from turnout.core.sheets.writing import Cell, Column, csv_pieces, xlsx_pieces

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMS = {"xlsx": (_XLSX, xlsx_pieces), "csv": ("text/csv; charset=utf-8", csv_pieces)}

FORMAT = OpenApiParameter("format", str, enum=list(_FORMS), default="xlsx")
SHEET = {(200, _XLSX): OpenApiTypes.BINARY, (200, "text/csv"): OpenApiTypes.STR}


def sheet_of(
    request: Request, name: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """Return these rows as a file of this name, however many, in the format asked for. ValidationError for another."""
    form = request.query_params.get("format") or "xlsx"
    if form not in _FORMS:
        raise serializers.ValidationError({"format": "Ask for xlsx or csv."}, "invalid_choice")
    kind, pieces = _FORMS[form]
    disposition = f'attachment; filename="{name}.{form}"'
    return StreamingHttpResponse(pieces(columns, rows), content_type=kind, headers={"Content-Disposition": disposition})
