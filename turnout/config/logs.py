"""Logs: one JSON object a line, each naming its request, none with a query string, a secret or an address."""

from collections.abc import MutableMapping
from typing import Any

import structlog

from turnout.core.redaction import redact

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# Django's own handlers would print the same lines again, in another form; and its level would stand before LOG_LEVEL.
_OURS = {"handlers": [], "propagate": True, "level": "NOTSET"}
# At DEBUG they tell every statement with its values, and every variable a template did not find.
_TALKATIVE = {"level": "INFO"}
# It tells each address that it asks, with its query, at INFO.
_TELLTALE = {"level": "WARNING"}

Event = MutableMapping[str, Any]


def configure(level: str) -> dict[str, Any]:
    """Set structlog up, and return Django's LOGGING, so that libraries' lines come out alike."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            _name_request,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redact,
            structlog.processors.JSONRenderer(),
        ],
        "foreign_pre_chain": _SHARED,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            **dict.fromkeys(("django", "django.server"), _OURS),
            **dict.fromkeys(("django.db.backends", "django.template", "botocore", "urllib3"), _TALKATIVE),
            **dict.fromkeys(("httpx", "httpcore"), _TELLTALE),
        },
    }


def _name_request(_logger: object, _method: str, event: Event) -> Event:
    """Name the request in lines that Django writes of it after it was answered."""
    request = getattr(event.get("_record"), "request", None)
    request_id = getattr(request, "request_id", "")
    if request_id:
        event.setdefault("request_id", request_id)
    return event


def _redact(_logger: object, _method: str, event: Event) -> Event:
    return redact(event)
