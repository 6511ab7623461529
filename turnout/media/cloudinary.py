"""Files at Cloudinary: as raw, authenticated assets, which have no public address."""

import time
from http import HTTPStatus
from typing import Any, Final

import httpx
import urllib3
from cloudinary import uploader, utils
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage

_CONNECT, _READ = 3.0, 20.0  # seconds; to connect is tried four times by the SDK
_PATIENCE: Final = httpx.Timeout(_READ, connect=_CONNECT)
_PATIENCE_OF_SDK: Final = urllib3.Timeout(connect=_CONNECT, read=_READ)
_LIVES: Final = 600  # seconds for which an address to read from holds: their clock and ours may differ
_KIND: Final = {"resource_type": "raw", "type": "authenticated"}


class CloudinaryStorage(Storage):
    """A folder of an account.

    Files are read by the Upload API's `download` (Cloudinary's "private download URL"), which no cache stands before:
    what was deleted is gone. Raises FileExistsError, FileNotFoundError; cloudinary's or httpx's errors where the
    service is away, or refuses the account.
    """

    def __init__(self, *, cloud_name: str, api_key: str, api_secret: str, folder: str, api: str) -> None:
        # Handed on with each call: the library's own configuration is one for the process, and reads the environment.
        self._account: dict[str, Any] = {
            "cloud_name": cloud_name,
            "api_key": api_key,
            "api_secret": api_secret,
            "upload_prefix": api,
            **_KIND,
        }
        self._folder = folder

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return the name itself: whether it is taken is seen as the file is sent, in the same call."""
        return name

    def exists(self, name: str) -> bool:
        """Ask for the file, and read no more than that it is there."""
        with httpx.stream("GET", self._address(name), timeout=_PATIENCE, follow_redirects=True) as answer:
            return _is_there(answer)

    def delete(self, name: str) -> None:
        """Delete it; that it is not there is no harm."""
        uploader.destroy(self._id(name), invalidate=True, timeout=_PATIENCE_OF_SDK, **self._account)

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        answer = httpx.get(self._address(name), timeout=_PATIENCE, follow_redirects=True)
        if not _is_there(answer):
            raise FileNotFoundError(name)
        return ContentFile(answer.content, name)

    def _save(self, name: str, content: "File[bytes]") -> str:
        done = uploader.upload(
            content,
            public_id=self._id(name),
            filename="file",
            overwrite=False,
            timeout=_PATIENCE_OF_SDK,
            **self._account,
        )
        if done.get("existing"):
            raise FileExistsError(name)
        return name

    def _id(self, name: str) -> str:
        return f"{self._folder}/{name}" if self._folder else name

    def _address(self, name: str) -> str:
        expires_at = int(time.time()) + _LIVES
        address: str = utils.private_download_url(self._id(name), "", expires_at=expires_at, **self._account)
        return address


def _is_there(answer: httpx.Response) -> bool:
    """Tell what an answer means; OSError, which does not repeat the signed address, for another than 200 and 404."""
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return False
    if answer.status_code != HTTPStatus.OK:
        message = f"Cloudinary answered {answer.status_code}"
        raise OSError(message)
    return True
