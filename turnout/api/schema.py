"""The OpenAPI document: complete, with every error an endpoint can answer."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS

from turnout.api.errors import MEDIA_TYPE
from turnout.api.permissions import OpenToRead


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """How programs sign in."""

    target_class = "turnout.api.auth.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Describe it."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class DeviceScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """How devices at a door say who they are."""

    target_class = "turnout.api.auth.DeviceAuthentication"
    name = "device"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Describe it."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "td_..."}


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

    _is_delete = False

    def get_tags(self) -> list[str]:
        """Group by resource."""
        return [self.path.removeprefix("/api/").partition("/")[0]]

    def get_auth(self) -> list[dict[str, Any]]:
        """Say who may call it: what everybody reads needs no token, though writing there does."""
        read = self.method in SAFE_METHODS
        everybody = read and any(isinstance(each, OpenToRead) for each in self.view.get_permissions())
        return [*super().get_auth(), {}] if everybody else super().get_auth()

    def get_request_serializer(self) -> Any:
        """Return what is sent; with a DELETE only what its view names."""
        return None if self._is_delete else super().get_request_serializer()

    def _get_request_body(self, direction: Any = "request") -> Any:
        """Describe what a DELETE is sent, too: the library takes it to have no body, and one of ours needs a code."""
        self._is_delete = self.method == "DELETE"
        self.method = "POST" if self._is_delete else self.method
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # untyped library
        finally:
            self.method = "DELETE" if self._is_delete else self.method

    def _insert_field_validators(self, field: Any, schema: Any) -> None:
        """Let an empty text be one of a format, too: for most readers a format refuses nothing, so both would fit."""
        super()._insert_field_validators(field, schema)  # type: ignore[no-untyped-call]  # untyped library
        if "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        statuses = {400, 503, *getattr(self.view, "problems", {}).get(self.method.lower(), ())}
        if self.view.get_authenticators():
            statuses.add(401)  # a bad token is refused where strangers are welcome, too
        if "{" in self.path:
            statuses.add(404)
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses |= {403, 413, 415}
        if self.method == "DELETE" and self._get_request_body():
            statuses |= {413, 415}
        for status in sorted(statuses):
            described: Any = self._get_response_for_code(  # type: ignore[no-untyped-call]  # untyped library
                ProblemSerializer, str(status), media_types=[MEDIA_TYPE]
            )
            bodies.setdefault(str(status), described)
        return bodies
