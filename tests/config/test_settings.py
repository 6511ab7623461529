"""Which configurations are refused, asked of the real command line in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
SOUND = {
    "SECRET_KEY": "a-long-secret-0123456789-of-more-than-fifty-characters",
    "DEBUG": "False",
    "ALLOWED_HOSTS": "events.example.org",
}


def manage(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    settings = {"ENV_FILE": os.devnull, "DATA_DIR": str(tmp_path)} | environment
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=clean | settings, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("missing", list(SOUND))
def test_production_needs_all_three(tmp_path: Path, missing: str) -> None:
    given = {name: value for name, value in SOUND.items() if name != missing}
    result = manage(tmp_path, "check", **given)
    assert (result.returncode, f"Production needs {missing}" in result.stderr) == (1, True)


def test_an_empty_value_is_none(tmp_path: Path) -> None:
    assert "Production needs SECRET_KEY" in manage(tmp_path, "check", **SOUND | {"SECRET_KEY": ""}).stderr


def test_with_all_three_it_starts(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", "--deploy", **SOUND, PUBLIC_BASE_URL="https://events.example.org")
    assert (result.returncode, result.stderr, result.stdout) == (
        0,
        "",
        "System check identified no issues (3 silenced).\n",
    )


def test_with_nothing_set_it_is_ones_own_machine(tmp_path: Path) -> None:
    result = manage(
        tmp_path, "shell", "-v0", "-c", "from django.conf import settings as s; print(s.LOCAL, s.DEBUG, s.MAIL_SHOWN)"
    )
    assert result.stdout == "True False True\n"
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_the_secret_made_for_ones_own_machine_stays(tmp_path: Path) -> None:
    ask = ("shell", "-v0", "-c", "from django.conf import settings as s; print(s.SECRET_KEY)")
    first, second = manage(tmp_path, *ask).stdout, manage(tmp_path, *ask).stdout
    assert first == second
    assert len(first) > 50


def test_a_right_configuration_has_nothing_said_of_it(tmp_path: Path) -> None:
    more = {"CORS_ALLOWED_ORIGINS": "https://a.example,http://localhost:3000", "KEYS_SECRET": "0123456789" * 4}
    right = SOUND | {"PUBLIC_BASE_URL": "https://events.example.org", "TRUSTED_PROXY_COUNT": "1"}
    result = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **right, **more)
    assert (result.returncode, result.stderr) == (0, "")


def test_each_weak_setting_is_named_and_no_server_starts(tmp_path: Path) -> None:
    weak = {
        "SECRET_KEY": "django-insecure-0123456789-of-more-than-fifty-characters",
        "ALLOWED_HOSTS": "*",
        "PUBLIC_BASE_URL": "events.example.org",
        "CORS_ALLOWED_ORIGINS": "*",
        "TRUSTED_PROXY_COUNT": "-1",
    }
    checked = manage(tmp_path, "check", "--deploy", **SOUND | weak)
    assert checked.returncode == 1
    assert [name for name in weak if name not in checked.stderr] == []
    # As other servers start us: gunicorn, Passenger.
    started = manage(tmp_path, "shell", "-v0", "-c", "import turnout.config.wsgi", **SOUND | weak)
    assert (started.returncode, "ImproperlyConfigured" in started.stderr) == (1, True)
    assert [name for name in weak if name not in started.stderr] == []


@pytest.mark.parametrize(
    "environment", [{}, {"DEBUG": "True"}, SOUND | {"SECRET_KEY": "short"}, SOUND | {"DEBUG": "True"}]
)
def test_the_production_server_refuses_an_unsafe_configuration(tmp_path: Path, environment: dict[str, str]) -> None:
    result = manage(tmp_path, "serve", "--bind", "127.0.0.1:1", **environment)
    assert result.returncode == 1
    assert "SECRET_KEY" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("url", ["oracle://x", "nonsense"])
def test_a_database_we_do_not_know_is_refused(tmp_path: Path, url: str) -> None:
    assert "DATABASE_URL" in manage(tmp_path, "check", DATABASE_URL=url).stderr


def test_settings_are_read_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text(
        "SECRET_KEY=" + "f" * 50 + "\nDEBUG=False\nALLOWED_HOSTS=a.example,b.example\nEMAIL_URL=smtps://u:p@mail:465\n"
    )
    shown = "s.ALLOWED_HOSTS, s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_USE_SSL, s.MAIL_DELIVERED"
    ask = f"from django.conf import settings as s; print({shown})"
    result = manage(tmp_path, "shell", "-v0", "-c", ask, ENV_FILE=str(file))
    assert result.stdout == "['a.example', 'b.example'] mail 465 True True\n"


def test_without_a_mail_server_production_keeps_messages_waiting(tmp_path: Path) -> None:
    ask = "from django.conf import settings as s; print(s.MAIL_DELIVERED, s.MAIL_SHOWN)"
    assert manage(tmp_path, "shell", "-v0", "-c", ask, **SOUND).stdout == "False False\n"


RECAPTCHA = {"RECAPTCHA_PUBLIC_KEY": "shown", "RECAPTCHA_PRIVATE_KEY": "hidden"}
TURNSTILE = {"TURNSTILE_SITE_KEY": "shown", "TURNSTILE_SECRET_KEY": "hidden"}


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({}, "none  "),
        ({"CAPTCHA": "altcha"}, "altcha  "),
        (RECAPTCHA, "recaptcha shown hidden"),
        (RECAPTCHA | {"CAPTCHA": "none"}, "none  "),
        (TURNSTILE, "none  "),
        (TURNSTILE | {"CAPTCHA": "turnstile"}, "turnstile shown hidden"),
    ],
)
def test_a_captcha_is_named_or_known_by_its_keys(tmp_path: Path, environment: dict[str, str], shown: str) -> None:
    ask = "from django.conf import settings as s; print(s.CAPTCHA, s.CAPTCHA_SITE_KEY, s.CAPTCHA_SECRET_KEY)"
    assert manage(tmp_path, "shell", "-v0", "-c", ask, **environment).stdout == f"{shown}\n"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"CAPTCHA": "puzzle"}, "CAPTCHA must be one of altcha, recaptcha, turnstile, none."),
        ({"CAPTCHA": "recaptcha"}, "CAPTCHA=recaptcha needs RECAPTCHA_PUBLIC_KEY, RECAPTCHA_PRIVATE_KEY."),
        ({"RECAPTCHA_PRIVATE_KEY": "hidden"}, "CAPTCHA=recaptcha needs RECAPTCHA_PUBLIC_KEY."),
        ({"CAPTCHA": "turnstile", "TURNSTILE_SITE_KEY": "shown"}, "CAPTCHA=turnstile needs TURNSTILE_SECRET_KEY."),
        (RECAPTCHA | {"RECAPTCHA_VERSION": "4"}, "RECAPTCHA_VERSION must be 2 or 3"),
        (RECAPTCHA | {"RECAPTCHA_SCORE": "1.5"}, "RECAPTCHA_SCORE between 0 and 1"),
    ],
)
def test_a_captcha_that_can_not_work_is_refused(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    result = manage(tmp_path, "check", **environment)
    assert (result.returncode, said in result.stderr) == (1, True)


def test_a_folder_made_for_the_data_is_for_nobody_else_on_the_host(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert manage(folder, "check").returncode == 0
    assert folder.stat().st_mode & 0o777 == 0o700
