"""The OpenAPI document: complete, with every error an endpoint can answer."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from turnout.api.errors import MEDIA_TYPE


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """How programs sign in."""

    target_class = "turnout.api.auth.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Describe it."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class FaultSerializer(serializers.Serializer[Any]):
    """One fault in the input."""

    pointer = serializers.CharField(help_text="JSON pointer (RFC 6901) to the field, or the query parameter's name.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """What went wrong (RFC 9457). `code` is stable."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    request_id = serializers.CharField()
    errors = FaultSerializer(many=True, required=False)  # type: ignore[assignment]  # a field, not the property


class Schema(AutoSchema):
    """Adds to each operation the problems it can answer; a view names its own in `problems`, by method."""

    def get_tags(self) -> list[str]:
        """Group by resource."""
        return [self.path.removeprefix("/api/").partition("/")[0]]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        statuses = {400, 503, *getattr(self.view, "problems", {}).get(self.method.lower(), ())}
        if "{" in self.path:
            statuses.add(404)
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses |= {403, 413, 415}
        for status in sorted(statuses):
            described: Any = self._get_response_for_code(  # type: ignore[no-untyped-call]  # untyped library
                ProblemSerializer, str(status), media_types=[MEDIA_TYPE]
            )
            bodies.setdefault(str(status), described)
        return bodies
