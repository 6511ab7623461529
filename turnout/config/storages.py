"""Where files lie: on this machine, in a bucket (S3), or at Cloudinary, as the environment says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_CLOUDINARY = ("CLOUDINARY_CLOUD_NAME", "CLOUDINARY_API_KEY", "CLOUDINARY_API_SECRET")
_S3_KEYS = ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
_S3_PLACE = ("S3_ENDPOINT_URL", "S3_REGION", "S3_PREFIX")


def private_storage(env: environ.Env, data_dir: Path) -> dict[str, Any]:
    """Return the storage of all files: what people send, the pictures on certificates, and certificates.

    ImproperlyConfigured for a place that is named by halves, or for two of them.
    """
    at_cloudinary, in_bucket = _given(env, _CLOUDINARY), env.str("S3_BUCKET", default="")
    if at_cloudinary and in_bucket:
        raise ImproperlyConfigured("Files lie at Cloudinary or in a bucket: set CLOUDINARY_... or S3_..., not both.")
    if at_cloudinary:
        return {"BACKEND": "turnout.media.cloudinary.CloudinaryStorage", "OPTIONS": _cloudinary(env, at_cloudinary)}
    if in_bucket:
        return {"BACKEND": "turnout.media.bucket.BucketStorage", "OPTIONS": _bucket(env, in_bucket)}
    if any(env.str(name, default="") for name in (*_S3_KEYS, *_S3_PLACE)):
        raise ImproperlyConfigured("S3_BUCKET is missing: the other S3_... settings say only how to reach it.")
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": data_dir / "private",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    }


def _cloudinary(env: environ.Env, account: Mapping[str, str]) -> dict[str, str]:
    name, key, secret = (account[each] for each in _CLOUDINARY)
    return {
        "cloud_name": name,
        "api_key": key,
        "api_secret": secret,
        "folder": env.str("CLOUDINARY_FOLDER", default="turnout").strip("/"),
        "api": env.str("CLOUDINARY_UPLOAD_PREFIX", default="") or "https://api.cloudinary.com",
    }


def _bucket(env: environ.Env, bucket: str) -> dict[str, Any]:
    keys = _given(env, _S3_KEYS)
    endpoint, region, prefix = (env.str(name, default="") for name in _S3_PLACE)
    return {
        "bucket_name": bucket,
        "location": prefix.strip("/"),
        "endpoint_url": endpoint or None,
        "region_name": region or None,
        # Without, the library looks where such keys usually lie: in AWS_..., in a file, or with the machine's role.
        "access_key": keys.get("S3_ACCESS_KEY_ID"),
        "secret_key": keys.get("S3_SECRET_ACCESS_KEY"),
        # Not a token or a profile that the environment has beside them: each belongs to other keys.
        "security_token": None,
        "session_profile": None,
    }


def _given(env: environ.Env, names: tuple[str, ...]) -> dict[str, str]:
    """Return all of these settings, or none; ImproperlyConfigured for some."""
    given = {name: value for name in names if (value := env.str(name, default=""))}
    if given and len(given) < len(names):
        missing = ", ".join(name for name in names if name not in given)
        message = f"{missing} is missing: {', '.join(names)} belong together."
        raise ImproperlyConfigured(message)
    return given
