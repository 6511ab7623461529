"""Files in a bucket: S3, or whatever speaks it."""

from typing import Any

from botocore.config import Config
from storages.backends.s3 import S3Storage


class BucketStorage(S3Storage):
    """A bucket that is soon given up when it does not answer, and in which nothing is overwritten.

    Who may read a file is the bucket's policy alone. Takes the options of django-storages' S3Storage.
    """

    def __init__(self, *, endpoint_url: str | None = None, **options: Any) -> None:
        # Own servers rarely have a host name for each bucket, and some refuse the checksums that Amazon's take.
        config = Config(
            connect_timeout=3,
            read_timeout=20,
            retries={"max_attempts": 2},
            signature_version="s3v4",
            s3={"addressing_style": "path" if endpoint_url else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(endpoint_url=endpoint_url, client_config=config, file_overwrite=False, **options)
