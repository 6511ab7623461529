"""What no client of ours sends: junk in bodies, headers and cookies is refused, and is never our fault."""

import io
import json
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from tests.support import make

pytestmark = pytest.mark.django_db
PATH = "/api/registrations/"


def send(api: APIClient, body: bytes, media_type: str = "application/json") -> tuple[int, str]:
    answer = api.generic("POST", PATH, body, media_type)  # type: ignore[arg-type]  # bytes, as they come
    assert answer["Content-Type"] == "application/problem+json", answer.content[:200]
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"null", b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000])
def test_what_is_no_json_object_is_400(api: APIClient, body: bytes) -> None:
    assert send(api, body) == (400, "parse_error")


@pytest.mark.parametrize(
    "value",
    [
        b'"\xff\xfe"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b'"a\\u0000b"',
        b"1e400",
        b"-1e400",
        b"NaN",
        b"Infinity",
        b"9" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    ],
    ids=lambda value: repr(value[:30]),
)
def test_a_value_that_nothing_can_hold_is_400_whatever_its_field(api: APIClient, value: bytes) -> None:
    known = {"event": str(make.event().id), "full_name": "A", "email": "a@example.org", "attendance_type": "on_site"}
    sound = json.dumps(known).encode()[:-1]
    status, code = send(api, sound + b', "unknown": ' + value + b"}")
    assert (status, code in {"parse_error", "nul_character"}) == (400, True)
    assert api.post(PATH, known | {"unknown": 9007199254740993}).status_code == 201


@pytest.mark.parametrize("field", ["full_name", "email", "phone", "attendance_type", "event", "workshop"])
@pytest.mark.parametrize(
    "value", [b"1.5", b"-9007199254740993", b"1e300", b"true", b"null", b"[]", b"{}", b'[{"a": [1]}]']
)
@pytest.mark.long
def test_a_field_of_another_kind_is_400(api: APIClient, field: str, value: bytes) -> None:
    assert send(api, b'{"%s": %s}' % (field.encode(), value))[0] == 400


def test_a_body_over_the_limit_is_413(api: APIClient) -> None:
    assert send(api, b'{"full_name": "' + b"a" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"}') == (413, "too_large")


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=\xff",
        "application/json; charset=\xff",
        "application/json; charset=utf-99",
        "\xff/\xff",
    ],
)
def test_another_media_type_is_415_or_its_charset_means_nothing(api: APIClient, media_type: str) -> None:
    assert send(api, b"x", media_type)[0] in {400, 415}


@pytest.mark.parametrize(
    "length", ["", "abc", "-1", "1e3", "9" * 30, "+5", "\u00b2", "\u0665".encode().decode("latin-1")]
)
def test_a_length_that_is_none_is_never_our_fault(length: str) -> None:
    # Past Django's test client, which reads no further than it wrote.
    environ = RequestFactory(SERVER_NAME="localhost").post(PATH, {}, "application/json").environ
    response = WSGIHandler().get_response(
        WSGIRequest(environ | {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"{}")})
    )
    assert response.status_code in {400, 413}


JUNK = [
    "",
    "\xff\xfe",
    "é" * 200,
    "Bearer",
    "Bearer \xff",
    "Bearer a b c",
    "Basic \xff",
    'Digest "',
    "x" * 20_000,
    "\t",
    "\x00",
]


HEADERS = [
    "AUTHORIZATION",
    "X_REGISTRATION_TOKEN",
    "IDEMPOTENCY_KEY",
    "X_REQUEST_ID",
    "ACCEPT",
    "ACCEPT_LANGUAGE",
    "COOKIE",
    "ORIGIN",
    "REFERER",
    "X_FORWARDED_FOR",
    "IF_MODIFIED_SINCE",
    "IF_NONE_MATCH",
    "RANGE",
    "X_CSRFTOKEN",
]


@pytest.mark.parametrize("header", HEADERS)
def test_junk_in_a_header_is_never_our_fault(api: APIClient, header: str) -> None:
    path = f"{PATH}{make.confirmed(make.event()).id}/"
    for junk in JUNK:
        sent: dict[str, Any] = {f"HTTP_{header}": junk}
        for answer in (api.get(path, **sent), api.post(PATH, {}, **sent), api.get("/", **sent)):
            assert answer.status_code < 500, junk


COOKIES = [
    "",
    "x",
    "a" * 32,
    "a" * 5000,
    "\xff" * 40,
    "é" * 40,
    '"\\000aaaaaaaaaaaa"',
    "%00aaaaaaaaaaaa",
    "'; --",
    "😀" * 10,
]


@pytest.mark.parametrize(
    "name", [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "django_language", "messages"]
)
def test_a_broken_cookie_is_never_our_fault(name: str) -> None:
    visitor = Client(SERVER_NAME="localhost", raise_request_exception=False, enforce_csrf_checks=True)
    path = f"/events/{make.event().id}/register/"
    for value in COOKIES:
        cookie: dict[str, Any] = {"HTTP_COOKIE": f"{name}={value}".encode().decode("latin-1")}
        for answer in (
            *(visitor.get(page, **cookie) for page in ("/", "/admin/", "/api/events/", path)),
            visitor.post(path, {"full_name": "A"}, **cookie),
            visitor.post(PATH, b"{}", "application/json", **cookie),
        ):
            assert answer.status_code < 500, value


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe=1", b"full_name=%00", b"full_name=%ff%ed%a0%80", b"a=1&" * 5000, b"full_name=" + b"a" * 2**21, b"%"],
)
def test_junk_in_a_form_is_never_our_fault(body: bytes) -> None:
    visitor = Client(SERVER_NAME="localhost", raise_request_exception=False)
    path = f"/events/{make.event().id}/register/"
    for media_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data"):
        assert visitor.post(path, body, media_type).status_code < 500
        assert visitor.post("/language/", body, media_type).status_code < 500
