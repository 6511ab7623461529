"""Files on this machine, in a bucket, and at Cloudinary: the same, and none is lost where one of them is away."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from rest_framework.test import APIClient

from tests.support import make, stores
from tests.support.files import PDF, PNG
from turnout.certificates.actions import issue_by_hand
from turnout.certificates.actions.designs import add_picture
from turnout.certificates.actions.erasing import erase_certificates
from turnout.certificates.actions.issuing import Named
from turnout.certificates.documents import document_of, keeping
from turnout.certificates.models import Certificate, Picture, Role, Version
from turnout.core.clock import now
from turnout.core.errors import UnavailableError
from turnout.events.actions.questions import QuestionDraft
from turnout.media import vault
from turnout.media.vault import PRIVATE
from turnout.registrations.uploads.actions import forget_uploads, receive

FAR = ["bucket", "cloudinary"]


@pytest.fixture(scope="session")
def far() -> Iterator[dict[str, stores.Store]]:
    with stores.bucket() as bucket, stores.cloudinary() as cloudinary:
        yield {"bucket": bucket, "cloudinary": cloudinary}


@pytest.fixture(params=["here", *FAR])
def store(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, far: dict[str, stores.Store]) -> str:
    """Let files lie there, and tell where."""
    kind: str = request.param
    here = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = settings.STORAGES | {PRIVATE: far.get(kind, here)}
    return kind


@pytest.fixture(params=FAR)
def away(request: pytest.FixtureRequest, settings: Settings, far: dict[str, stores.Store]) -> str:
    """Let files lie where nobody answers, and tell where."""
    kind: str = request.param
    nobody = {"bucket": {"endpoint_url": "http://127.0.0.1:9"}, "cloudinary": {"api": "http://127.0.0.1:9"}}[kind]
    settings.STORAGES = settings.STORAGES | {PRIVATE: far[kind] | {"OPTIONS": far[kind]["OPTIONS"] | nobody}}
    return kind


def test_a_file_is_kept_sealed_and_once_and_gone_when_it_is_dropped(store: str) -> None:
    key = vault.new_key()
    vault.put("tests/one", PDF, key)
    assert vault.fetch("tests/one", key) == PDF
    with storages[PRIVATE].open("tests/one") as file:
        assert b"PDF" not in file.read()
    for path, other in (("tests/one", vault.new_key()), ("tests/one", ""), ("tests/none", key)):
        with pytest.raises(vault.LostError):
            vault.fetch(path, other)
    with pytest.raises(FileExistsError):
        vault.put("tests/one", PNG, key)
    if store != "cloudinary":  # which refuses the second in the call that sends it, and leaves no other
        assert storages[PRIVATE].listdir("tests")[1] == ["one"]
    assert vault.fetch("tests/one", key) == PDF
    assert vault.is_there()
    vault.drop("tests/one")
    vault.drop("tests/one")
    with pytest.raises(vault.LostError):
        vault.fetch("tests/one", key)
    vault.put("tests/one", PNG, key)
    assert vault.fetch("tests/one", key) == PNG
    vault.drop("tests/one")


@pytest.mark.usefixtures("store")
@pytest.mark.django_db
def test_a_certificate_lies_there_until_its_holder_erases_it(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    first = document_of(issued())
    version = Version.objects.get()
    with monkeypatch.context() as patched:
        patched.setattr(keeping, "paper", lambda *_args, **_known: pytest.fail("It was there."))
        assert document_of(version) == first
    assert storages[PRIVATE].exists(version.document_path)
    with django_capture_on_commit_callbacks(execute=True):
        erase_certificates(Certificate.objects.all(), keep=False, actor="test")
    assert not storages[PRIVATE].exists(version.document_path)


@pytest.mark.usefixtures("store")
@pytest.mark.django_db
def test_an_answers_file_comes_back_as_it_was_sent(api: APIClient) -> None:
    event, (passport,) = make.asking(QuestionDraft("Passport", "file"))
    sent = SimpleUploadedFile("passport.pdf", PDF, "application/pdf")
    upload = api.post(f"/api/events/{event.pk}/uploads/", {"file": sent}, format="multipart").json()["id"]
    person = make.pending(event, answers={str(passport.key): upload})
    answer = api.get(
        f"/api/registrations/{person.pk}/files/{upload}/", headers={"X-Registration-Token": person.manage_token}
    )
    assert (answer.status_code, answer.content) == (200, PDF)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("bucket", {"bucket_name": "somebody-elses"}),
        ("cloudinary", {"api_secret": "wrong"}),
        ("cloudinary", {"api_key": "wrong"}),
        ("cloudinary", {"cloud_name": "another"}),
    ],
)
def test_an_account_that_is_refused_is_no_empty_store(
    settings: Settings, far: dict[str, stores.Store], kind: str, wrong: dict[str, str]
) -> None:
    settings.STORAGES = settings.STORAGES | {PRIVATE: far[kind] | {"OPTIONS": far[kind]["OPTIONS"] | wrong}}
    with pytest.raises(UnavailableError) as refused:
        vault.put("tests/one", PDF, vault.new_key())
    assert refused.value.code == "files_away"


@pytest.mark.usefixtures("away")
@pytest.mark.django_db
def test_while_files_are_away_who_sends_one_is_told_and_certificates_are_made_each_time(api: APIClient) -> None:
    event, _questions = make.asking(QuestionDraft("Passport", "file"))
    sent = SimpleUploadedFile("passport.pdf", PDF, "application/pdf")
    answer = api.post(f"/api/events/{event.pk}/uploads/", {"file": sent}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (503, "files_away")
    picture = io.BytesIO()
    Image.new("RGB", (4, 2)).save(picture, "PNG")
    with pytest.raises(UnavailableError):
        add_picture(event, picture.getvalue(), actor="team")
    assert not Picture.objects.exists()
    first = document_of(issued())
    assert document_of(Version.objects.get()) == first


@pytest.mark.usefixtures("away")
@pytest.mark.django_db
def test_while_files_are_away_what_should_go_waits(settings: Settings) -> None:
    there = settings.STORAGES
    settings.STORAGES = there | {PRIVATE: {"BACKEND": "django.core.files.storage.InMemoryStorage"}}
    event, _questions = make.asking(QuestionDraft("Passport", "file"))
    upload = receive(event, "passport.pdf", PDF)
    settings.STORAGES = there
    type(upload).objects.update(expires_at=now() - timedelta(days=1))
    assert forget_uploads() == 0
    assert type(upload).objects.get() == upload


@pytest.mark.usefixtures("away")
@pytest.mark.django_db
def test_health_tells_that_files_are_away(api: APIClient) -> None:
    answers = [api.get("/api/health/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json()["checks"]["storage"] == {"status": "degraded", "detail": "files can't be reached"}


@pytest.mark.usefixtures("store")
def test_a_place_that_works_is_asked_for_nothing_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Mock(return_value=False)
    monkeypatch.setattr(storages[PRIVATE], "exists", asked)
    assert [vault.is_there() for _ in range(3)] == [True] * 3
    assert asked.call_count == 1
    vault._place(storages[PRIVATE]).asked_at -= 61
    assert [vault.is_there() for _ in range(3)] == [True] * 3
    assert asked.call_count == 2


@pytest.mark.usefixtures("away")
def test_a_place_that_hangs_is_left_alone_for_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "_LONG", -1)
    with pytest.raises(UnavailableError):
        vault.fetch("tests/one", vault.new_key())
    asked = Mock(side_effect=FileNotFoundError)
    monkeypatch.setattr(storages[PRIVATE], "open", asked)
    with pytest.raises(UnavailableError):
        vault.fetch("tests/one", vault.new_key())
    assert (asked.called, vault.is_there()) == (False, False)
    vault._place(storages[PRIVATE]).rests_until -= 31
    with pytest.raises(vault.LostError):
        vault.fetch("tests/one", vault.new_key())
    assert vault.is_there()


def issued() -> Version:
    event = make.event(starts_at=now() - timedelta(days=1))
    return issue_by_hand(event, Role.SPEAKER, Named(full_name="Amina Haddad"), actor="test").versions.get()
