"""How the system is, and what the API looks like."""

import functools
import os
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import connection, models
from django.utils.translation import get_language
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from turnout.media.vault import is_there
from turnout.notifications.queries import backlog

log = structlog.get_logger()

_LATE = timedelta(minutes=5)
_FREE_BYTES = 100 * 1024 * 1024


class HealthStatus(models.TextChoices):
    """How a part is, or the whole."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


OK, DEGRADED, DOWN = HealthStatus.OK, HealthStatus.DEGRADED, HealthStatus.DOWN


class CheckSerializer(serializers.Serializer[Any]):
    """One part's state."""

    status = serializers.ChoiceField(HealthStatus.choices)
    detail = serializers.CharField()


class ChecksSerializer(serializers.Serializer[Any]):
    """Each part's state."""

    database = CheckSerializer()
    cache = CheckSerializer()
    queue = CheckSerializer()
    storage = CheckSerializer()
    mail = CheckSerializer()


class HealthSerializer(serializers.Serializer[Any]):
    """The whole's state, and each part's."""

    status = serializers.ChoiceField(HealthStatus.choices)
    checks = ChecksSerializer()


class HealthView(APIView):
    """For load balancers and people on call."""

    permission_classes = (AllowAny,)
    authentication_classes = ()  # answers even when the database with the sessions is away

    @extend_schema(operation_id="health", responses={200: HealthSerializer, 503: HealthSerializer})
    def get(self, _request: Request) -> Response:
        """Answer 200 while we can serve (`ok`, or `degraded`), 503 when we can't (`down`)."""
        checks = {
            "database": _checked(_database),
            "cache": _checked(_cache),
            "storage": _checked(_storage),
        }
        if checks["database"]["status"] == OK:
            checks |= {"queue": _checked(_queue), "mail": _checked(_mail)}
        else:  # each would wait for it again
            checks |= {name: {"status": DOWN, "detail": "kept in the database"} for name in ("queue", "mail")}
        found = {check["status"] for check in checks.values()}
        # Without database or storage nothing works; the others can catch up.
        broken = DOWN in {checks["database"]["status"], checks["storage"]["status"]}
        status = DOWN if broken else OK if found == {OK} else DEGRADED
        return Response({"status": status, "checks": checks}, status=503 if broken else 200)


class SchemaView(SpectacularJSONAPIView):
    """The OpenAPI document, as JSON."""

    permission_classes = (AllowAny,)

    def _get_schema_response(self, request: Request) -> Response:
        """Return what was made once in this language: strangers ask, and to make it takes longer than all else."""
        return Response(_document(get_language() or "en"))


@functools.lru_cache(maxsize=len(settings.LANGUAGES))
def _document(_language: str) -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]  # untyped library
    return document


class DocsView(SpectacularSwaggerSplitView):
    """The OpenAPI document, to read and try."""

    permission_classes = (AllowAny,)


def _checked(check: Callable[[], tuple[str, str]]) -> dict[str, str]:
    try:
        status, detail = check()
    except Exception as error:  # noqa: BLE001  # whatever is wrong with a part is what we are asked for
        log.warning("health_check_failed", check=check.__name__, error=repr(error))
        status, detail = DOWN, type(error).__name__  # no more: strangers read this
    return {"status": status, "detail": detail}


def _database() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK, connection.vendor


def _cache() -> tuple[str, str]:
    value = str(time.time_ns())
    cache.set("health", value, 10)
    kind = "redis" if settings.REDIS_URL else "in this process"
    # Another check may have written in between; that something is read back is what counts.
    return (OK, kind) if cache.get("health") is not None else (DOWN, kind)


def _queue() -> tuple[str, str]:
    outbox = backlog()
    lag = int(outbox.lag.total_seconds())
    return (DEGRADED if outbox.lag > _LATE else OK), f"{outbox.due} due, {lag} s behind"


def _storage() -> tuple[str, str]:
    if not os.access(settings.DATA_DIR, os.W_OK):
        return DOWN, "not writable"
    if not is_there():
        return DEGRADED, "files can't be reached"
    free = shutil.disk_usage(settings.DATA_DIR).free
    return (OK if free > _FREE_BYTES else DEGRADED), f"{free // 1024**2} MiB free"


def _mail() -> tuple[str, str]:
    if not settings.MAIL_DELIVERED:
        return DEGRADED, "no mail server is set: messages wait"
    outbox = backlog()
    if outbox.failing or outbox.dead:
        return DEGRADED, f"{outbox.failing} could not be delivered yet, {outbox.dead} given up"
    return OK, "kept, to be read in the browser" if settings.MAIL_SHOWN else "delivered"
