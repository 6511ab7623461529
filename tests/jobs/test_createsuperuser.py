"""`createsuperuser`, with which every installation begins."""

import io
import re

import pytest
import segno
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import totp

from tests.support import make
from turnout.accounts.models import User
from turnout.accounts.queries import second_factor_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "Admin@example.org")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", make.PASSWORD)


def test_the_printed_link_enrols_the_second_factor_that_the_admin_asks_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("createsuperuser", interactive=False)
    user = User.objects.get(email="admin@example.org")
    assert (user.is_staff, user.is_superuser, user.address_verified) == (True, True, True)
    secret = re.findall(r"otpauth://totp/\S+[?&]secret=(\w+)", capsys.readouterr().out)
    device = second_factor_of(user)
    assert device is not None
    assert [len(text) for text in secret] == [32]
    assert f"secret={secret[0]}" in device.config_url
    browser = Client(SERVER_NAME="localhost")
    form = {"username": "ADMIN@example.org ", "password": make.PASSWORD, "otp_token": f"{totp(device.bin_key):06}"}
    assert browser.post("/admin/login/", form).status_code == 302
    assert browser.get("/admin/").status_code == 200


def test_the_printed_code_can_be_scanned(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("createsuperuser", interactive=False)
    printed = capsys.readouterr().out
    link = re.findall(r"otpauth://\S+", printed)[0]
    drawn = io.StringIO()
    segno.make(link).terminal(drawn, compact=True)
    assert drawn.getvalue() in printed


def test_a_second_time_it_says_so_and_changes_nothing() -> None:
    call_command("createsuperuser", interactive=False)
    device = second_factor_of(User.objects.get())
    with pytest.raises(CommandError):
        call_command("createsuperuser", interactive=False)
    assert second_factor_of(User.objects.get()) == device
