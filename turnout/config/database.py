"""How each database must be set so that the invariants hold on it."""

from typing import Any

import environ
import pymysql
from django.core.exceptions import ImproperlyConfigured

# PyMySQL stands in for mysqlclient, which would need a compiler on the host.
pymysql.install_as_MySQLdb()

_SQLITE = {
    "timeout": 20,
    # A transaction that reads first and writes later would fail at once, not wait, if another wrote in between.
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-20000",
}
_POSTGRES = {
    "pool": {"min_size": 1, "max_size": 10, "timeout": 10},
    # After so many times the server keeps a statement that is always the same, read and planned: to plan one of a scan
    # takes longer than to carry it out.
    "prepare_threshold": 5,
    # Statements here take milliseconds, and many run at once: to start helpers for one, or to compile it, takes longer
    # than the statement, on cores that others need.
    "options": "-c max_parallel_workers_per_gather=0 -c jit=off",
}
_MYSQL = {
    "charset": "utf8mb4",
    "isolation_level": "read committed",
    "init_command": "SET sql_mode='STRICT_ALL_TABLES', default_storage_engine=InnoDB, innodb_lock_wait_timeout=10",
}


def database(url: str) -> dict[str, Any]:
    """Return Django's settings for the database at this address; ImproperlyConfigured for one we do not know."""
    config: dict[str, Any] = environ.Env.db_url_config(url)
    options = config.setdefault("OPTIONS", {})
    match config["ENGINE"].rpartition(".")[2]:
        case "sqlite3":
            config["OPTIONS"] = _SQLITE | options
            config["CONN_MAX_AGE"] = None  # opening a file and its pragmas costs more than most queries
        case "postgresql":
            config["OPTIONS"] = _POSTGRES | options
            config["OPTIONS"]["prepare_threshold"] = _threshold(config["OPTIONS"]["prepare_threshold"])
            # The pool keeps the connections, and ours looks at each that it lends.
            config |= {"ENGINE": "turnout.config.postgresql", "CONN_MAX_AGE": 0}
        case "mysql":
            config["OPTIONS"] = _MYSQL | options
            config |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
            # Any other collation takes `josé@` for `jose@`.
            config["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_bin"}
        case _:
            message = "DATABASE_URL must begin with sqlite:///, postgres:// or mysql://."
            raise ImproperlyConfigured(message)
    return config


def _threshold(given: object) -> int | None:
    """Return what psycopg takes for an address's `?prepare_threshold=`; ImproperlyConfigured."""
    if given == "never":
        return None
    if not isinstance(given, int):
        message = "prepare_threshold in DATABASE_URL must be a number, or `never`."
        raise ImproperlyConfigured(message)
    return given
