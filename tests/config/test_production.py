"""What answers tell browsers and caches in production, and whose word is taken for where we are."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.support import make
from turnout.notifications.actions import deliver_due

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "ENV_FILE": os.devnull,
    "SECRET_KEY": "a-long-secret-0123456789-of-more-than-fifty-characters",
    "DEBUG": "False",
    "ALLOWED_HOSTS": "events.example.org,other.example.org",
    "PUBLIC_BASE_URL": "https://events.example.org",
    "TRUSTED_PROXY_COUNT": "1",
    "LOG_LEVEL": "CRITICAL",
}
ASK = """
import json
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
answers = []
for path, scheme, host in {questions!r}:
    browser = Client(SERVER_NAME=host, headers={{"X-Forwarded-Proto": scheme}})
    answer = browser.get(path)
    cookies = {{name: {{key: cookie[key] for key in cookie if cookie[key]}} for name, cookie in answer.cookies.items()}}
    answers.append([answer.status_code, dict(answer.headers), cookies])
print(json.dumps(answers))
"""
HTTPS, HTTP = "https", "http"
HERE, THERE = "events.example.org", "other.example.org"
QUESTIONS = {
    "page": ("/", HTTPS, HERE),
    "api": ("/api/events/", HTTPS, HERE),
    "in the open": ("/?q=a", HTTP, THERE),
    "health in the open": ("/api/health/", HTTP, HERE),
    "admin": ("/admin/login/", HTTPS, HERE),
    "docs": ("/api/docs/", HTTPS, HERE),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, dict[str, str], dict[str, Any]]]:
    environment = ENVIRONMENT | {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path_factory.mktemp("production"))}
    script = ASK.format(questions=list(QUESTIONS.values()))
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return dict(zip(QUESTIONS, json.loads(done.stdout), strict=True))


Answers = dict[str, tuple[int, dict[str, str], dict[str, Any]]]


@pytest.mark.parametrize("asked", ["page", "api", "admin", "docs"])
@pytest.mark.long
def test_every_answer_closes_what_it_does_not_need(answers: Answers, asked: str) -> None:
    status, headers, _ = answers[asked]
    expected = {
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    }
    assert (status, {name: headers.get(name) for name in expected}) == (200, expected)


@pytest.mark.parametrize(
    ("asked", "scripts", "styles"),
    [
        ("page", "'self'", "'self'"),
        ("admin", "'self' 'unsafe-eval'", "'self' 'unsafe-inline'"),
        ("docs", "'self'", "'self' 'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='"),
    ],
)
@pytest.mark.long
def test_no_page_takes_inline_scripts(answers: Answers, asked: str, scripts: str, styles: str) -> None:
    policy = dict(part.split(" ", 1) for part in answers[asked][1]["Content-Security-Policy"].split("; "))
    assert policy.pop("font-src", "'self'") == "'self'"
    assert policy == {
        "default-src": "'none'",
        "script-src": scripts,
        "style-src": styles,
        "img-src": "'self' https: data:",
        "connect-src": "'self'",
        "frame-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_who_comes_in_the_open_is_sent_to_the_one_origin(answers: Answers) -> None:
    status, headers, _ = answers["in the open"]
    assert (status, headers["Location"]) == (301, "https://events.example.org/?q=a")
    assert answers["health in the open"][0] == 200


def test_cookies_are_this_hosts_alone_and_for_no_script(answers: Answers) -> None:
    ((name, kept),) = answers["admin"][2].items()
    kept.pop("expires"), kept.pop("max-age")
    assert (name, kept) == ("__Host-csrftoken", {"path": "/", "secure": True, "httponly": True, "samesite": "Lax"})


# --- Caches ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_answer_to_somebody_is_in_no_cache() -> None:
    registration = make.confirmed(make.event())
    somebody, stranger = make.client(make.user()), make.client()
    bearer, holder = {"Authorization": "Bearer x"}, {"X-Registration-Token": registration.manage_token}
    path = f"/api/registrations/{registration.id}/"
    for answer in (
        somebody.get("/api/events/"),
        somebody.get("/api/nothing/"),
        stranger.get("/api/events/", headers=bearer),
        stranger.get(path, headers=holder),
        stranger.get(f"{path}ticket.svg?token={registration.manage_token}"),
        stranger.post("/api/registrations/", {}),
    ):
        assert answer["Cache-Control"] == "no-store"
    assert "Cache-Control" not in stranger.get("/api/events/")


# --- Other origins -----------------------------------------------------------------------------------------------

ALLOWED = "https://app.example.org"


def cors(answer: Any) -> dict[str, str]:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return {name: value for name, value in headers.items() if name.startswith("access-control")}


@pytest.mark.django_db
@pytest.mark.parametrize("origin", [ALLOWED, "https://evil.example", "null", "https://app.example.org.evil.example"])
def test_no_other_origin_may_read_unless_it_is_named(api: APIClient, origin: str) -> None:
    assert cors(api.get("/api/events/", headers={"Origin": origin})) == {}


@pytest.mark.django_db
class TestANamedOrigin:
    @pytest.fixture(autouse=True)
    def _named(self, settings: Settings) -> None:
        settings.CORS_ALLOWED_ORIGINS = [ALLOWED]

    def test_may_read_the_api_and_show_no_cookies(self, api: APIClient) -> None:
        headers = cors(api.get("/api/events/", headers={"Origin": ALLOWED}))
        assert headers["access-control-allow-origin"] == ALLOWED
        assert "access-control-allow-credentials" not in headers

    def test_may_send_a_token(self, api: APIClient) -> None:
        asks = {"Origin": ALLOWED, "Access-Control-Request-Method": "POST"}
        asks["Access-Control-Request-Headers"] = "authorization, content-type, idempotency-key, x-registration-token"
        headers = cors(api.options("/api/registrations/", headers=asks))
        assert headers["access-control-allow-origin"] == ALLOWED
        assert set(asks["Access-Control-Request-Headers"].split(", ")) <= set(
            headers["access-control-allow-headers"].split(", ")
        )
        assert "access-control-allow-credentials" not in headers

    def test_may_not_read_pages(self, browser: Client) -> None:
        for path in ("/", "/admin/login/", "/static/web/style.css"):
            answer = browser.get(path, headers={"Origin": ALLOWED})
            answer.close()  # a file
            assert (answer.status_code, cors(answer)) == (200, {})

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://app.example.org", f"{ALLOWED}:444"])
    def test_is_the_only_one(self, api: APIClient, origin: str) -> None:
        assert cors(api.get("/api/events/", headers={"Origin": origin})) == {}


# --- Hosts -------------------------------------------------------------------------------------------------------

FORGED = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Host": "evil.example"}


@pytest.mark.django_db
def test_a_forged_host_is_refused_and_one_that_a_proxy_is_said_to_have_seen_is_not_believed(
    settings: Settings, browser: Client
) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    for event in range(2):
        make.event(title=f"{event}")
    for path in ("/", "/api/events/?page_size=1", "/admin/login/", "/api/docs/", "/api/schema/"):
        assert browser.get(path, SERVER_NAME="evil.example").status_code == 400
        answer = browser.get(path, headers=FORGED)
        assert (answer.status_code, "evil.example" in answer.content.decode()) == (200, False)
    assert (
        browser.get("/api/events/?page_size=1", headers=FORGED)
        .json()["next"]
        .startswith("http://localhost/api/events/")
    )


@pytest.mark.django_db
def test_links_in_mails_and_prints_lead_to_the_one_origin_whatever_the_request_said(
    settings: Settings, api: APIClient
) -> None:
    settings.ALLOWED_HOSTS, settings.PUBLIC_BASE_URL = ["localhost", "other.example.org"], "https://events.example.org"
    settings.EMAIL_BACKEND, settings.MAIL_DELIVERED = "django.core.mail.backends.locmem.EmailBackend", True
    body = {"event": make.event().id, "full_name": "A", "email": "a@example.org", "attendance_type": "on_site"}
    for answer in (
        api.post("/api/registrations/", body, SERVER_NAME="other.example.org", headers=FORGED),
        api.post(
            "/api/registrations/confirm-email/",
            {"token": make.pending(make.event()).confirmation_token},
            SERVER_NAME="other.example.org",
            headers=FORGED,
        ),
    ):
        assert answer.status_code in {200, 201}
        assert "other.example.org" not in answer.content.decode()
    deliver_due()
    texts = [str(message.message()) for message in mail.outbox]
    assert len(texts) == 2
    assert [
        host for host in ("other.example.org", "evil.example", "localhost/") for text in texts if host in text
    ] == []
    assert all("https://events.example.org/" in text for text in texts)
