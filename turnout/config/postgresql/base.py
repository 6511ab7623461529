"""Django's PostgreSQL; but a connection from the pool is looked at, not asked, which took a round trip a request."""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg.pq import ConnStatus

_LOOKS = 2  # what a server says as it closes hides the end behind it


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection as Django's, never one that the server closed while it lay in the pool."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection that is open; OperationalError."""
        connection = super().get_new_connection(conn_params)
        while self.pool is not None and _is_closed(connection):
            connection.close()
            self.pool.putconn(connection)  # which makes another
            connection = super().get_new_connection(conn_params)
        return connection


def _is_closed(connection: Any) -> bool:
    """Tell whether the server closed a connection on which nobody waits for anything."""
    try:
        for _ in range(_LOOKS):
            connection.pgconn.consume_input()
    except OperationalError:
        return True
    return bool(connection.pgconn.status != ConnStatus.OK)
