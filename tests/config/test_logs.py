"""What log lines hold, read as they are written; and what they never hold."""

import io
import json
import logging
import time
from collections.abc import Iterator
from logging.config import dictConfig
from typing import Any
from unittest import mock

import pytest
import structlog
from django.http import HttpRequest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from tests.support import make
from turnout.config.logs import configure
from turnout.core import redaction
from turnout.core.redaction import redact, redact_text

SECRET = "hunter2hunter2"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlc2lnbmF0dXJl"


class Lines:
    """What was logged, line by line."""

    def __init__(self, stream: io.StringIO) -> None:
        self.stream = stream

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def of(self, event: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if event in line["event"]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Yield what production would write, from INFO on."""
    dictConfig(configure("INFO"))
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    stream = io.StringIO()
    with mock.patch.object(handler, "stream", stream):
        yield Lines(stream)
    dictConfig(configure("ERROR"))


@pytest.fixture
def visitor() -> Client:
    return Client(SERVER_NAME="localhost", raise_request_exception=False)


@pytest.mark.django_db
def test_a_failure_tells_no_secret_of_its_request(lines: Lines, visitor: Client) -> None:
    def fail(request: HttpRequest, *_: Any) -> None:
        structlog.get_logger().warning("seen", query=dict(request.GET), authorization=request.headers["Authorization"])
        raise ValueError(f"{request.build_absolute_uri()} {request.body.decode()} {dict(request.headers)}")

    with mock.patch("turnout.api.system.HealthView.check_throttles", side_effect=fail):
        answer = visitor.get(
            f"/api/health/?token={SECRET}",
            headers={"Authorization": f"Bearer {JWT}", "X-Request-ID": "this-request", "X-Registration-Token": SECRET},
        )
    assert (answer.status_code, answer.json()["request_id"]) == (500, "this-request")
    assert SECRET not in lines.text
    assert JWT not in lines.text
    (failure,) = lines.of("Internal Server Error")
    assert (failure["request_id"], failure["level"]) == ("this-request", "error")
    assert "ValueError: http://localhost/api/health/?..." in failure["exception"]


@pytest.mark.django_db
def test_a_failure_tells_no_secret_of_the_body(lines: Lines, visitor: Client) -> None:
    body = {"email": "amina@example.org", "password": SECRET, "otp": "123456", "nested": {"manage_token": SECRET}}
    with mock.patch("turnout.api.registrations.TokenSerializer", side_effect=lambda data: 1 / data):
        visitor.post("/api/registrations/confirm-email/", body, "application/json")
    with mock.patch(
        "turnout.api.registrations.TokenSerializer", side_effect=lambda data: (_ for _ in ()).throw(KeyError(data))
    ):
        visitor.post("/api/registrations/confirm-email/", body, "application/json")
    assert len(lines.of("Internal Server Error")) == 2
    assert [held for held in (SECRET, "123456", "amina@") if held in lines.text] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "host", "logged"),
    [
        ("/api/nothing/?token=x", "localhost", "Not Found: /api/nothing/"),
        ("/", "evil.example", "Invalid HTTP_HOST header: 'evil.example'"),
    ],
)
def test_djangos_own_lines_are_json_and_name_the_request(
    lines: Lines, visitor: Client, path: str, host: str, logged: str
) -> None:
    visitor.get(path, SERVER_NAME=host, headers={"X-Request-ID": "this-request"})
    assert [line["request_id"] for line in lines.of(logged)] == ["this-request"]


def test_the_level_reaches_djangos_loggers(visitor: Client, capsys: pytest.CaptureFixture[str]) -> None:
    written = []
    for level in ("WARNING", "ERROR"):
        logging.getLogger("django").setLevel("INFO")  # as Django itself leaves it before it reads LOGGING
        dictConfig(configure(level))
        visitor.get("/api/nothing/")
        written.append("Not Found: /api/nothing/" in capsys.readouterr().err)
    assert written == [True, False]


@pytest.mark.django_db
def test_each_request_has_a_line_with_who_and_how_long_and_no_query(
    lines: Lines, visitor: Client, settings: Settings
) -> None:
    settings.ACCESS_LOG = True
    visitor.get("/api/events/?q=secret", headers={"X-Request-ID": "this-request"})
    somebody = make.user()
    visitor.force_login(somebody)
    visitor.get("/api/events/")
    stranger, known = lines.of("request")
    assert {name: stranger[name] for name in stranger if name not in {"timestamp", "milliseconds"}} == {
        "event": "request",
        "level": "info",
        "request_id": "this-request",
        "method": "GET",
        "path": "/api/events/",
        "status": 200,
    }
    assert stranger["milliseconds"] > 0
    assert known["actor"] == f"user:{somebody.pk}"
    assert "secret" not in lines.text


@pytest.mark.django_db
def test_the_key_to_a_calendar_is_in_no_line(lines: Lines, visitor: Client, settings: Settings) -> None:
    settings.ACCESS_LOG = True
    address = make.user().calendar_url.removeprefix("http://127.0.0.1:8000")
    key = address.rpartition("/")[2].removesuffix(".ics")
    for path in (address, address.replace(".ics", "x.ics"), address.replace(".ics", "/ics")):
        visitor.get(path)
    assert [line["status"] for line in lines.of("request")] == [200, 404, 404]
    assert key not in lines.text


@pytest.mark.django_db
def test_nobody_is_looked_up_for_a_log_line(
    lines: Lines, visitor: Client, settings: Settings, django_assert_num_queries: Any
) -> None:
    settings.ACCESS_LOG = True
    visitor.force_login(make.user())
    with django_assert_num_queries(0):
        visitor.get("/api/nothing/")
    assert [line["status"] for line in lines.of("request")] == [404]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, SECRET) for name in ("password", "otp", "token", "refresh", "access", "Authorization", "Cookie", "secret")]
    + [
        ("manage_token", SECRET),
        ("ticket", SECRET),
        ("captcha", SECRET),
        ("recovery_codes", [SECRET]),
        ("SECRET_KEY", SECRET),
    ]
    + [("body", {"user": [{"new_password": SECRET}]}), ("sent", (("x", {"csrftoken": SECRET}),))],
)
def test_values_under_such_names_are_taken_out(name: str, value: object) -> None:
    assert SECRET not in str(redact({name: value}))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET /confirm/?token=abc&x=1 HTTP/1.1", "GET /confirm/?... HTTP/1.1"),
        ('{"password": "a \\" b", "email": "a.b+c@example.org"}', '{"password": [redacted], "email": "[address]"}'),
        ("{'otp': ['123456']}", "{'otp': [[redacted]]}"),
        ("email=a&refresh=abc&role=x", "email=a&refresh=[redacted]&role=x"),
        ("after=1&ticket=abc-1.def", "after=1&ticket=[redacted]"),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("Cookie: a=b; sessionid=abc\nHost: x", "Cookie: [redacted]\nHost: x"),
        ("curl -H 'Bearer abc.def'", "curl -H 'Bearer [redacted]'"),
        ('"GET /x/?abc HTTP/1.1" 200', '"GET /x/?... HTTP/1.1" 200'),
        (f"no {JWT} here", "no [redacted] here"),
        ("postgres://me:word@host/name", "postgres://[redacted]@host/name"),
        ("/api/calendars/0192-f0c1/Ab-c_d.ics 404", "/api/calendars/0192-f0c1/[redacted] 404"),
        ("What is it? An event = a row; 3 of 4?", "What is it? An event = a row; 3 of 4?"),
        (
            'File "/app/turnout/api/tokens.py", line 3, in read_token',
            'File "/app/turnout/api/tokens.py", line 3, in read_token',
        ),
    ],
)
def test_texts_keep_what_is_no_secret(text: str, left: str) -> None:
    assert redact_text(text) == left


@pytest.mark.django_db
def test_keys_of_ours_are_known_by_their_form() -> None:
    registration = make.confirmed(make.event())
    without_digits = "JPLVsxunsqRbq_MCEjZzLaFoskxRf-sJzfeLnUtakwU"  # one in 1,500
    for key in (registration.confirmation_token, registration.manage_token, without_digits):
        assert redact_text(f"broken: {key}.") == "broken: [redacted]."
    assert redact_text(f"registration {registration.id}") == f"registration {registration.id}"


@pytest.mark.parametrize(
    "piece", ["a-", "token", "token-", "a", "a.", "eyJa-", "eyJa.", '"token', "token='", "://", "?a", "/?a ", "@a"]
)
def test_no_text_of_a_stranger_holds_a_log_line_up(piece: str) -> None:
    began = time.perf_counter()
    redact_text(piece * (200_000 // len(piece)))
    assert time.perf_counter() - began < 2  # a second is for slow machines: what is quadratic takes minutes


@given(st.text(alphabet="eyJcalendrs/._-+:0123456789ABCabc =?@", max_size=48))
def test_what_is_passed_over_for_being_harmless_holds_nothing_to_take_out(text: str) -> None:
    thorough = text
    for pattern, instead in redaction._IN_TEXT:
        thorough = pattern.sub(instead, thorough)
    assert redaction.redact_text(text) == thorough
