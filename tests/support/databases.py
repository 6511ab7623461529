"""The databases that tests with servers of their own run on: which of them answer, and a fresh one of each kind."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest
import redis
from django.db import connections
from django.db.utils import ConnectionHandler
from psycopg import sql

from turnout.config.database import database

SQLITE, POSTGRESQL, MARIADB = KINDS = ("sqlite", "postgresql", "mariadb")

_SERVICES = Path(__file__).resolve().parent.parent.parent / ".services" / "env"
_VARIABLES = {POSTGRESQL: "TEST_POSTGRES_URL", MARIADB: "TEST_MARIADB_URL"}
_PATIENCE = 5  # seconds


class MissingError(Exception):
    """There is no server of that kind; the text says why."""


def databases_found() -> dict[str, str]:
    """Return, for each kind of database, its version, or `MISSING: ` and why."""
    found = {}
    for kind in KINDS:
        try:
            found[kind] = version(kind)
        except MissingError as error:
            found[kind] = f"MISSING: {error}"
    return found


def version(kind: str) -> str:
    """Ask the server who it is; MissingError if nobody answers."""
    if kind == SQLITE:
        return sqlite3.sqlite_version
    try:
        if kind == POSTGRESQL:
            with psycopg.connect(_address(kind), connect_timeout=_PATIENCE) as postgres:
                return ".".join(str(number) for number in divmod(postgres.info.server_version, 10_000))
        with closing(_mysql()) as mysql:
            return str(mysql.get_server_info())  # type: ignore[no-untyped-call]  # PyMySQL's
    except (psycopg.OperationalError, pymysql.OperationalError) as error:
        raise MissingError(" ".join(str(error).split())) from error


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """Make an empty database, as the documentation says it must be made, and drop it in the end; yield its address."""
    version(kind)
    name = f"turnout_{secrets.token_hex(6)}"
    if kind == SQLITE:
        yield f"sqlite:///{folder / name}.sqlite3"
        return
    make, drop = (_make_postgres, _drop_postgres) if kind == POSTGRESQL else (_make_mysql, _drop_mysql)
    make(name)
    try:
        yield urlsplit(_address(kind))._replace(path=f"/{name}").geturl()
    finally:
        drop(name)


def redis_address(*, database: int = 0) -> str:
    """Return the address of a Redis that answers; else skip the test, or fail it in CI, where there is one."""
    try:
        url = urlsplit(_known("TEST_REDIS_URL"))._replace(path=f"/{database}").geturl()
        redis.Redis.from_url(url, socket_connect_timeout=_PATIENCE).ping()
    except (redis.RedisError, MissingError) as error:
        give_up(f"no Redis, `make services` starts one: {error}")
    return url


def give_up(reason: object) -> NoReturn:
    """Skip the test for a server that is not there, or fail it in CI, where there is each."""
    (pytest.fail if "CI" in os.environ else pytest.skip)(str(reason))


@contextmanager
def as_default(url: str) -> Iterator[None]:
    """Let this thread's models and actions work on the database at this address."""
    config = database(url)
    config["OPTIONS"].pop("pool", None)  # Django keeps one for each alias: it might be another database's
    ours, before = ConnectionHandler({"default": config})["default"], connections["default"]
    connections["default"] = ours
    try:
        yield
    finally:
        ours.close()
        connections["default"] = before


def _address(kind: str) -> str:
    return _known(_VARIABLES[kind])


def _known(variable: str) -> str:
    written = _SERVICES.read_text().splitlines() if _SERVICES.exists() else []
    known = dict(line.split("=", 1) for line in written if "=" in line) | os.environ
    if not known.get(variable):
        raise MissingError(f"{variable} is neither in the environment nor in .services/env (make services)")
    return str(known[variable])


def _mysql() -> "pymysql.connections.Connection[Any]":
    address = urlsplit(_address(MARIADB))
    return pymysql.connect(
        host=address.hostname or "127.0.0.1",
        port=address.port or 3306,
        user=address.username,
        password=address.password or "",
        connect_timeout=_PATIENCE,
    )


def _make_postgres(name: str) -> None:
    with psycopg.connect(_address(POSTGRESQL), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _drop_postgres(name: str) -> None:
    with psycopg.connect(_address(POSTGRESQL), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _make_mysql(name: str) -> None:
    with closing(_mysql()) as server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")


def _drop_mysql(name: str) -> None:
    with closing(_mysql()) as server, server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")
