"""Where the environment says that files lie."""

from pathlib import Path

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from turnout.config.storages import private_storage

CLOUDINARY = {"CLOUDINARY_CLOUD_NAME": "club", "CLOUDINARY_API_KEY": "1", "CLOUDINARY_API_SECRET": "two"}
BUCKET = {"S3_BUCKET": "turnout"}


def storage(tmp_path: Path, given: dict[str, str]) -> tuple[str, dict[str, object]]:
    env = environ.Env()
    env.ENVIRON = given
    found = private_storage(env, tmp_path)
    return found["BACKEND"].rpartition(".")[2], found["OPTIONS"]


def test_with_nothing_said_files_lie_on_this_machine(tmp_path: Path) -> None:
    kind, options = storage(tmp_path, dict.fromkeys([*CLOUDINARY, *BUCKET, "S3_REGION"], ""))
    assert (kind, options["location"]) == ("FileSystemStorage", tmp_path / "private")


def test_cloudinary_is_chosen_by_its_account(tmp_path: Path) -> None:
    assert storage(tmp_path, CLOUDINARY | {"CLOUDINARY_FOLDER": "turnout/"}) == (
        "CloudinaryStorage",
        {
            "cloud_name": "club",
            "api_key": "1",
            "api_secret": "two",
            "folder": "turnout",
            "api": "https://api.cloudinary.com",
        },
    )


def test_a_bucket_is_chosen_by_its_name(tmp_path: Path) -> None:
    others = {"security_token": None, "session_profile": None}  # what the environment may have for other keys
    nothing = dict.fromkeys(["endpoint_url", "region_name", "access_key", "secret_key"]) | others
    assert storage(tmp_path, BUCKET) == ("BucketStorage", {"bucket_name": "turnout", "location": ""} | nothing)
    keys = {"S3_ACCESS_KEY_ID": "k", "S3_SECRET_ACCESS_KEY": "s"}
    place = {"S3_ENDPOINT_URL": "https://s3.example.org", "S3_REGION": "eu-west-3", "S3_PREFIX": "/club/"}
    assert storage(tmp_path, BUCKET | keys | place)[1] == {
        "bucket_name": "turnout",
        "location": "club",
        "endpoint_url": "https://s3.example.org",
        "region_name": "eu-west-3",
        "access_key": "k",
        "secret_key": "s",
        **others,
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (CLOUDINARY | {"CLOUDINARY_API_KEY": ""}, "CLOUDINARY_API_KEY is missing"),
        (CLOUDINARY | BUCKET, "not both"),
        ({"S3_REGION": "eu-west-3"}, "S3_BUCKET is missing"),
        (BUCKET | {"S3_ACCESS_KEY_ID": "k"}, "S3_SECRET_ACCESS_KEY is missing"),
    ],
)
def test_a_place_named_by_halves_or_two_of_them_are_refused(tmp_path: Path, given: dict[str, str], said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said):
        storage(tmp_path, given)
