"""What tests run in, whatever the developer's own environment says: read before any settings."""

import os
import tempfile

os.environ["ENV_FILE"] = os.devnull
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="turnout-tests-")
for _name in (
    "SECRET_KEY",
    "DEBUG",
    "ALLOWED_HOSTS",
    "EMAIL_URL",
    "EMAIL_HOST",
    "EMAIL_BACKEND",
    "EMAIL_TIMEOUT",
    "BOUNCE_ADDRESS",
    "MAIL_RATE",
    "MAIL_RATE_PER_DOMAIN",
    "REDIS_URL",
    "PORT",
    "CAPTCHA",
    "CLOUDINARY_CLOUD_NAME",
    "CLOUDINARY_API_KEY",
    "CLOUDINARY_API_SECRET",
    "S3_BUCKET",
    "S3_ENDPOINT_URL",
    "S3_REGION",
    "S3_PREFIX",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
):
    os.environ.pop(_name, None)
os.environ["LOG_LEVEL"] = "ERROR"
os.environ["NTP_SERVER"] = ""  # no test asks the world what time it is
# Tests register many people from one address; those of the limits set their own.
for _scope in (
    "REGISTRATION",
    "CONFIRM",
    "LOGIN",
    "SIGNUP",
    "VERIFY",
    "MAILBOX",
    "ATTACK",
    "EVENT_MAIL",
    "SECOND_FACTOR",
    "UPLOAD",
):
    os.environ[f"THROTTLE_{_scope}"] = ""
