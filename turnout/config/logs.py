"""Logs: one JSON object a line, each naming its request, none with a query string (tokens may stand there)."""

import logging
import re
from typing import Any

import structlog

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


class QueryFilter(logging.Filter):
    """Takes the query string out of what `runserver` says of each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, without its query string."""
        if record.name == "django.server" and isinstance(record.args, tuple):
            record.args = tuple(
                re.sub(r"\?\S*", "?...", argument) if isinstance(argument, str) else argument
                for argument in record.args
            )
        return True


def configure(level: str) -> dict[str, Any]:
    """Set structlog up, and return Django's LOGGING, so that libraries' lines come out alike."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        "foreign_pre_chain": _SHARED,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "filters": {"no_query": {"()": QueryFilter}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["no_query"]}},
        "root": {"handlers": ["console"], "level": level},
        # Django's own handlers would print the same lines again, in another form.
        "loggers": {name: {"handlers": [], "propagate": True} for name in ("django", "django.server")},
    }
