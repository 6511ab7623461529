"""Where files can lie but on this machine: a bucket, and Cloudinary, each served on this machine."""

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from flask import Flask, Response, request
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

Store = dict[str, Any]  # as in STORAGES

_NAME, _KEY, _SECRET = "club", "a-key", "a-secret"
_NOT_SIGNED = {"file", "cloud_name", "resource_type", "api_key", "signature"}


@contextmanager
def bucket() -> Iterator[Store]:
    """Serve S3, as moto plays it; yield the storage that is a bucket there."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    options = {"endpoint_url": f"http://127.0.0.1:{port}", "region_name": "eu-west-3", "location": "files"}
    keys = {"access_key": _KEY, "secret_key": _SECRET}
    client = boto3.client(
        "s3",
        endpoint_url=options["endpoint_url"],
        region_name="eu-west-3",
        aws_access_key_id=_KEY,
        aws_secret_access_key=_SECRET,
    )
    client.create_bucket(Bucket="turnout", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    try:
        yield {
            "BACKEND": "turnout.media.bucket.BucketStorage",
            "OPTIONS": {"bucket_name": "turnout"} | options | keys,
        }
    finally:
        server.stop()


@contextmanager
def cloudinary() -> Iterator[Store]:
    """Serve what its documentation says of Cloudinary's Upload API for raw files; yield the storage that lies there."""
    server = make_server("127.0.0.1", 0, _service(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield {
            "BACKEND": "turnout.media.cloudinary.CloudinaryStorage",
            "OPTIONS": {
                "cloud_name": _NAME,
                "api_key": _KEY,
                "api_secret": _SECRET,
                "folder": "turnout",
                "api": f"http://127.0.0.1:{server.server_port}",
            },
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _service() -> Flask:
    """Return Cloudinary, with one account and nothing in it.

    https://cloudinary.com/documentation/image_upload_api_reference (upload, destroy) and
    https://cloudinary.com/documentation/control_access_to_media#providing_time_limited_access_to_private_media_assets
    """
    app, kept = Flask(__name__), dict[str, bytes]()

    @app.post(f"/v1_1/{_NAME}/raw/upload")
    def upload() -> Any:
        if fault := _fault(request.form):
            return fault
        name, sent = request.form["public_id"], request.files["file"].read()
        existing = name in kept and request.form.get("overwrite") in {"0", "false"}
        if not existing:
            kept[name] = sent
        return {"public_id": name, "bytes": len(kept[name])} | ({"existing": True} if existing else {})

    @app.get(f"/v1_1/{_NAME}/raw/download")
    def download() -> Any:
        if fault := _fault(request.args):
            return fault
        if int(request.args["expires_at"]) < time.time():
            return {"error": {"message": "Stale request"}}, 401
        name = request.args["public_id"]
        if name not in kept:
            return {"error": {"message": f"Resource not found - {name}"}}, 404
        return Response(kept[name], mimetype="application/octet-stream")

    @app.post(f"/v1_1/{_NAME}/raw/destroy")
    def destroy() -> Any:
        if fault := _fault(request.form):
            return fault
        return {"result": "ok" if kept.pop(request.form["public_id"], None) is not None else "not found"}

    return app


def _fault(sent: Mapping[str, str]) -> Any:
    """Return what is said to who signs wrongly; nothing where all is right.

    https://cloudinary.com/documentation/authentication_signatures: all but a few, sorted, joined, the secret behind.
    """
    signed = "&".join(
        f"{name}={value.replace('&', '%26')}"
        for name, value in sorted(sent.items())
        if name not in _NOT_SIGNED and value
    )
    right = hashlib.sha1(f"{signed}{_SECRET}".encode(), usedforsecurity=False).hexdigest()
    if sent.get("api_key") != _KEY or sent.get("type") != "authenticated":
        return {"error": {"message": "Unknown API key"}}, 401
    if sent.get("signature") != right:
        return {"error": {"message": f"Invalid Signature. String to sign - '{signed}'."}}, 401
    return None
