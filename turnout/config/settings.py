"""Every setting, read from the environment or from `.env` beside manage.py. docs/settings.md lists them."""

import contextlib
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp import constants as csp
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy

from turnout.config import logs
from turnout.config.database import database
from turnout.config.enums import ENUM_NAMES
from turnout.config.mail import KEPT, anymail, mail_server, rate, rates_by_domain
from turnout.config.rooms import MESSAGE_RENDERERS, NOTICE_WRITERS, WEBHOOK_RENDERERS, WEBHOOK_TOPICS  # noqa: F401
from turnout.config.storages import private_storage
from turnout.core.text import digest
from turnout.guard.notation import Window, windows

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()
env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))

# --- Whose machine this is ---------------------------------------------------------------------------------------
# Nobody has configured anything: one person tries Turnout on their own machine. Anything configured and no DEBUG:
# production, which needs all three.
_NEEDED = ("SECRET_KEY", "DEBUG", "ALLOWED_HOSTS")
_given = {name for name in _NEEDED if name in env.ENVIRON}
DEBUG = env.bool("DEBUG", default=False)
LOCAL = DEBUG or not _given
if not LOCAL and (_missing := [name for name in _NEEDED if name not in _given or not env.str(name)]):
    _message = f"Production needs {', '.join(_missing)} in the environment or in .env. See docs/settings.md."
    raise ImproperlyConfigured(_message)

DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # on a shared host others must not read the database


def _own_secret() -> str:
    """Return this machine's own secret, made when it is first asked for."""
    path = DATA_DIR / "secret_key"
    if not path.exists():
        # Written aside and then linked: of two processes that begin together one wins, and both read a whole secret.
        unfinished = path.with_name(f"secret_key.{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(unfinished)
        unfinished.unlink()
    return path.read_text()


SECRET_KEY = env.str("SECRET_KEY", default="") or _own_secret()
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
# The first encrypts, all decrypt.
KEYS_SECRET: list[str] = env.list("KEYS_SECRET", default=[SECRET_KEY, *SECRET_KEY_FALLBACKS])
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

# --- Where it is found -------------------------------------------------------------------------------------------
SITE_NAME = env.str("SITE_NAME", default="Turnout")
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}").rstrip("/")
_https = PUBLIC_BASE_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
SECURE_SSL_REDIRECT = _https and not LOCAL
SECURE_SSL_HOST = urlsplit(PUBLIC_BASE_URL).netloc  # never where the request says it came to
SECURE_REDIRECT_EXEMPT = [r"^api/health/$"]  # load balancers ask from inside
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
# Not for other sites under the same domain, which may have no TLS: that is their administrators' to say.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.bool("HSTS_SUBDOMAINS", default=False)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
# With this prefix no other site under the same domain can set them (RFC 6265bis, section 4.1.3).
_prefix = "__Host-" if _https else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_prefix}sessionid", f"{_prefix}csrftoken"
X_FRAME_OPTIONS = "DENY"
# Our pages load what is ours, and pictures that organisers name.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "script-src": [csp.SELF],
        "style-src": [csp.SELF],
        "img-src": [csp.SELF, "https:", "data:"],
        "connect-src": [csp.SELF],
        "frame-src": [csp.SELF],
        "form-action": [csp.SELF],
        "base-uri": [csp.NONE],
        "frame-ancestors": [csp.NONE],
    },
}
# The admin, Swagger UI and the scanner's reader of codes are others' work: the least on top of it with which they run.
# None of them needs inline scripts.
CSP_ALSO = {
    "/admin/": {"script-src": [csp.UNSAFE_EVAL], "style-src": [csp.UNSAFE_INLINE], "font-src": [csp.SELF]},
    "/scan/": {"script-src": [csp.WASM_UNSAFE_EVAL]},
    "/api/docs/": {"style-src": ["'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0='"]},  # of its one <style>
}
FORMS_URLFIELD_ASSUME_HTTPS = True
CSRF_FAILURE_VIEW = "turnout.config.errors.csrf_failed"
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_CREDENTIALS = False  # another origin's page shows a token, never the visitor's cookie
CORS_URLS_REGEX = r"^/api/"
CORS_EXPOSE_HEADERS = ["X-Request-ID", "Retry-After"]
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "x-idempotency-key",
    "x-registration-token",
    "x-request-id",
]

# --- What it is made of ------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "turnout.core.apps.CoreConfig",
    "turnout.guard.apps.GuardConfig",
    "turnout.notifications.apps.NotificationsConfig",
    "turnout.accounts.apps.AccountsConfig",
    "turnout.events.apps.EventsConfig",
    "turnout.registrations.apps.RegistrationsConfig",
    "turnout.attendance.apps.AttendanceConfig",
    "turnout.certificates.apps.CertificatesConfig",
    "turnout.reports.apps.ReportsConfig",
    "turnout.api.apps.ApiConfig",
    "turnout.web.apps.WebConfig",
    "turnout.jobs.apps.JobsConfig",  # before Django's own: it extends runserver and createsuperuser
    "unfold.apps.BasicAppConfig",  # never plain "unfold": it replaces the admin site, and the second factor with it
    "turnout.config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "csp",
    "django_htmx",
]
MIDDLEWARE = [
    "turnout.config.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "turnout.config.headers.PolicyMiddleware",
    "turnout.config.headers.HeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "turnout.config.middleware.SoundRequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "turnout.config.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "turnout.config.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "turnout.web.context.site",
            ]
        },
    }
]
TEST_RUNNER = "turnout.config.testing.PytestRunner"

# --- Where it keeps things ---------------------------------------------------------------------------------------
DATABASES = {"default": database(env.str("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'turnout.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", default="")
# One that hangs is soon given up: by itself the library would wait for ever.
_REDIS = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": _REDIS,
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
FONTS_DIR = Path(env.str("FONTS_DIR", default=str(DATA_DIR / "fonts")))  # more fonts for PDF
STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "private": private_storage(env, DATA_DIR),  # at no address
}
STATIC_URL = "/static/"
# Served from where the packages lie, so that there is nothing to collect.
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- Mail --------------------------------------------------------------------------------------------------------
_server = mail_server(env)
EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = _server.backend, _server.host, _server.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _server.user, _server.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _server.starttls, _server.tls
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=10)
ANYMAIL = anymail(env, EMAIL_BACKEND, timeout=EMAIL_TIMEOUT)
if ANYMAIL:
    INSTALLED_APPS.append("anymail")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="turnout@localhost.localdomain")
BOUNCE_ADDRESS = env.str("BOUNCE_ADDRESS", default="")
# How much the mail server takes from us, and each provider.
MAIL_RATE = rate(env, "MAIL_RATE")
MAIL_RATE_PER_DOMAIN = rates_by_domain(env, "MAIL_RATE_PER_DOMAIN")
# Kept and shown on one's own machine. In production nothing is shown, and nothing is sent into the void: messages wait
# in the outbox until a mail server is named.
MAIL_SHOWN = LOCAL and EMAIL_BACKEND == KEPT
MAIL_DELIVERED = MAIL_SHOWN or EMAIL_BACKEND != KEPT
# Where the key lies with which our mail is signed; several, comma-separated. For the doctor, who can only guess it.
DKIM_SELECTOR: list[str] = env.list("DKIM_SELECTOR", default=[])
WEBHOOK_PRIVATE_NETWORKS: list[str] = env.list("WEBHOOK_PRIVATE_NETWORKS", default=[])  # which they may reach, too
# For how long one worker alone may try to deliver a message: longer than the mail server's timeout.
OUTBOX_LEASE = timedelta(seconds=env.int("OUTBOX_LEASE_SECONDS", default=60))
# For how long the live process may go on telling who is no longer to be told: after it, it asks again.
LIVE_RECHECK = timedelta(seconds=env.int("LIVE_RECHECK_SECONDS", default=30))

# --- People ------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
SILENCED_SYSTEM_CHECKS = [
    "auth.E003",  # the address is unique by its key, which no collation blurs
    "security.W005",  # HSTS_SUBDOMAINS
    "security.W021",  # the same
]
LOGIN_URL = "login"
PASSWORD_HASHERS = ["turnout.accounts.hashers.Argon2Hasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
OTP_TOTP_ISSUER = SITE_NAME


# --- How often -----------------------------------------------------------------------------------------------------
def _windows(scope: str, default: str) -> tuple[Window, ...]:
    name = f"THROTTLE_{scope.upper()}"
    try:
        return windows(env.str(name, default=default))
    except ValueError as error:
        message = f"{name} must read like 5/minute,20/hour,100/day."
        raise ImproperlyConfigured(message) from error


# By network. Many people share one: a campus, a mobile provider.
THROTTLES = {
    "registration": _windows("registration", "60/minute,600/hour,3000/day"),
    "attack": _windows("attack", "10/minute,60/hour"),  # at one event, while it is under attack
    "confirm": _windows("confirm", "120/minute,1200/hour"),
    "login": _windows("login", "60/minute,600/hour"),
    "signup": _windows("signup", "20/minute,100/hour,500/day"),
    "verify": _windows("verify", "30/minute,200/hour"),
    "pair": _windows("pair", "30/minute,200/hour"),
    "room_code": _windows("room_code", "1200/minute,12000/hour"),  # a whole audience, within a minute
    "certificate": _windows("certificate", "120/minute,1200/hour"),  # read, by whoever has its id
    "upload": _windows("upload", "20/minute,100/hour,300/day"),
}
# How many mails nobody asked for from within an account one mailbox may get.
THROTTLE_MAILBOX = _windows("mailbox", "5/day")
# How many confirmation mails of one event go out before they wait behind all other mail.
THROTTLE_EVENT_MAIL = _windows("event_mail", "2000/hour")
# How often a code of six digits may be tried for one account, after the right password.
THROTTLE_SECOND_FACTOR = _windows("second_factor", "5/minute,30/hour,100/day")


# --- Who is no program ---------------------------------------------------------------------------------------------
_CAPTCHA_KEYS = {
    "altcha": (),
    "recaptcha": ("RECAPTCHA_PUBLIC_KEY", "RECAPTCHA_PRIVATE_KEY"),
    "turnstile": ("TURNSTILE_SITE_KEY", "TURNSTILE_SECRET_KEY"),
    "none": (),
}
_recaptcha_given = any(env.str(name, default="") for name in _CAPTCHA_KEYS["recaptcha"])
CAPTCHA = env.str("CAPTCHA", default="") or ("recaptcha" if _recaptcha_given else "none")
if CAPTCHA not in _CAPTCHA_KEYS:
    _message = f"CAPTCHA must be one of {', '.join(_CAPTCHA_KEYS)}."
    raise ImproperlyConfigured(_message)
if _missing := [name for name in _CAPTCHA_KEYS[CAPTCHA] if not env.str(name, default="")]:
    _message = f"CAPTCHA={CAPTCHA} needs {', '.join(_missing)}."
    raise ImproperlyConfigured(_message)
CAPTCHA_SITE_KEY, CAPTCHA_SECRET_KEY = [env.str(name) for name in _CAPTCHA_KEYS[CAPTCHA]] or ["", ""]
RECAPTCHA_VERSION = env.int("RECAPTCHA_VERSION", default=2)
RECAPTCHA_SCORE = env.float("RECAPTCHA_SCORE", default=0.5)
if RECAPTCHA_VERSION not in {2, 3} or not 0 <= RECAPTCHA_SCORE <= 1:
    _message = "RECAPTCHA_VERSION must be 2 or 3, and RECAPTCHA_SCORE between 0 and 1."
    raise ImproperlyConfigured(_message)

# --- Languages and time ------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "turnout" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
# Whom the doctor asks what time it is; empty: nobody.
NTP_SERVER = env.str("NTP_SERVER", default="pool.ntp.org")

# --- The API -----------------------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
LARGEST_BODY = 64 * 1_048_576  # of a form with its files, which Django would write to the disk however large they are
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "turnout.api.auth.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["turnout.api.permissions.DenyAll"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["turnout.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "turnout.api.paging.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "turnout.api.schema.Schema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "turnout.api.negotiation.NoNegotiation",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "turnout.api.errors.handle",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": digest("turnout.jwt", SECRET_KEY),  # nothing else is signed with it
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Turnout",
    "DESCRIPTION": "Events from sign-up to certificate.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": ENUM_NAMES,
    "SCHEMA_PATH_PREFIX": "/api/",
}
UNFOLD = {
    "SITE_TITLE": SITE_NAME,
    "SITE_HEADER": SITE_NAME,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("web/mark.svg")}],
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
            {"title": "My second factor", "link": reverse_lazy("admin:second_factor")},
        ]
    },
}

# --- Logs --------------------------------------------------------------------------------------------------------
LOGGING = logs.configure(env.str("LOG_LEVEL", default="INFO"))
# On one's own machine the terminal has better things to show.
ACCESS_LOG = env.bool("ACCESS_LOG", default=not LOCAL)
