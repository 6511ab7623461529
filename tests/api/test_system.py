import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import DatabaseError
from django.urls import URLPattern, URLResolver, get_resolver
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from turnout.core.clock import now
from turnout.notifications.models import Message

pytestmark = pytest.mark.django_db


def test_a_healthy_system_says_how_each_part_is(api: APIClient) -> None:
    answer = api.get("/api/health/")
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["status"] == "ok"
    assert {name: check["status"] for name, check in shown["checks"].items()} == dict.fromkeys(
        ["database", "cache", "queue", "storage", "mail"], "ok"
    )


def test_without_its_database_it_is_down(api: APIClient) -> None:
    with mock.patch("turnout.api.system.connection.cursor", side_effect=DatabaseError("secret host name")):
        answer = api.get("/api/health/")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    assert "secret" not in answer.content.decode()


def test_without_its_storage_it_is_down(api: APIClient, settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "gone"
    answer = api.get("/api/health/")
    assert (answer.status_code, answer.json()["checks"]["storage"]["status"]) == (503, "down")


def test_without_its_cache_it_goes_on(api: APIClient, settings: Settings) -> None:
    nobody = "redis://127.0.0.1:9/0"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": nobody}}
    answer = api.get("/api/health/")
    states = {name: check["status"] for name, check in answer.json()["checks"].items()}
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert states == {"database": "ok", "cache": "down", "queue": "ok", "storage": "ok", "mail": "ok"}


@pytest.mark.parametrize("late", [timedelta(minutes=6), timedelta(minutes=4)])
def test_a_queue_that_nobody_works_on_is_noticed(api: APIClient, late: timedelta) -> None:
    make.pending(make.event())
    Message.objects.update(due_at=now() - late)
    degraded = late > timedelta(minutes=5)
    assert api.get("/api/health/").json()["checks"]["queue"]["status"] == ("degraded" if degraded else "ok")


def test_mail_that_fails_is_noticed(api: APIClient) -> None:
    make.pending(make.event())
    Message.objects.update(last_error="no route")
    assert api.get("/api/health/").json()["checks"]["mail"]["status"] == "degraded"


def test_mail_that_nothing_delivers_is_noticed(api: APIClient, settings: Settings) -> None:
    settings.MAIL_DELIVERED = False
    answer = api.get("/api/health/")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


class TestTheDocument:
    """The OpenAPI document: complete, valid, and true."""

    @pytest.fixture
    def document(self, api: APIClient) -> dict[str, Any]:
        answer = api.get("/api/schema/")
        assert answer.status_code == 200
        document: dict[str, Any] = json.loads(answer.content)
        return document

    def test_is_valid_openapi_3_1(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1")
        OpenAPIV31SpecValidator(document).validate()

    def test_is_made_without_a_warning(self, capsys: pytest.CaptureFixture[str]) -> None:
        from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats  # noqa: PLC0415
        from drf_spectacular.generators import SchemaGenerator  # noqa: PLC0415

        reset_generator_stats()
        SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # untyped library
        assert not GENERATOR_STATS, capsys.readouterr().err

    def test_describes_every_address_under_api(self, document: dict[str, Any]) -> None:
        undescribed = {"/api/schema/", "/api/docs/", "/api/"}  # themselves, and what answers unknown addresses
        assert set(document["paths"]) == api_addresses() - undescribed

    def test_describes_its_errors_everywhere(self, document: dict[str, Any]) -> None:
        for path, operations in document["paths"].items():
            for operation in operations.values():
                problems = {status for status in operation["responses"] if status >= "4"}
                assert {"400", "503"} <= problems, path
                # A scan names in its body what may not be there.
                assert ("404" in problems) == ("{" in path or path.startswith("/api/attendance/")), path

    def test_asks_for_no_token_where_everybody_reads(self, document: dict[str, Any]) -> None:
        events = document["paths"]["/api/events/"]
        assert ({} in events["get"]["security"], {} in events["post"]["security"]) == (True, False)

    def test_fits_what_a_reader_who_takes_formats_as_notes_is_answered(self, document: dict[str, Any]) -> None:
        answer = make.client(make.user("amina")).post("/api/speakers/", {"name": "Rima"}).json()
        fits = document["components"]["schemas"]["SpeakerWithWorkshops"]
        OAS31Validator({**fits, "components": document["components"]}).validate(answer)

    def test_says_what_a_body_of_a_deletion_may_be_refused_for(self, document: dict[str, Any]) -> None:
        paths = {
            path
            for path, operations in document["paths"].items()
            if "415" in operations.get("delete", {}).get("responses", {})
        }
        assert paths == {"/api/me/", "/api/me/two-factor/"}

    def test_can_be_read_in_the_browser(self, api: APIClient) -> None:
        assert "swagger-ui" in api.get("/api/docs/").content.decode()


def api_addresses() -> set[str]:
    found = set()

    def walk(patterns: list[Any], prefix: str) -> None:
        for pattern in patterns:
            path = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, path)
            elif isinstance(pattern, URLPattern) and path.startswith(("/api/", "/.well-known/did")):
                found.add(re.sub(r"<\w+:", "{", path.replace("<uuid:pk>", "{id}")).replace(">", "}"))

    walk(get_resolver().url_patterns, "/")
    return found


def test_data_may_be_shown_by_no_page_and_may_load_nothing(db: None) -> None:  # noqa: ARG001  # health asks it
    for path in ("/api/health/", "/api/unknown/"):
        policy = make.client().get(path)["Content-Security-Policy"]
        assert policy == "default-src 'none'; frame-ancestors 'none'"
