"""Django's PostgreSQL; but a connection from the pool is looked at, not asked, which took a round trip a request.

And there are cursors of which the server keeps what is sent often. Django's own never let it: they put the values into
the text.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Cursor, OperationalError
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

    def prepared_cursor(self) -> Any:
        """Return a cursor of which the server keeps the statements that come often, read and planned.

        How often says `prepare_threshold`. For statements whose text stays the same, and whose values have the types
        of what they are compared with or written to.
        """
        self.ensure_connection()
        with self.wrap_database_errors:
            return self._prepare_cursor(Cursor(self.connection))  # type: ignore[attr-defined]  # the stubs leave it out

    def is_usable(self) -> bool:
        """Tell Django, which asks after an error, whether to keep the connection; where the pool has others, never.

        What the server keeps may have been the error: a statement whose columns a migration changed fails from then on.
        """
        if self.pool is None or self.connection is None:
            return super().is_usable()
        self.connection.close()
        return False


def _is_closed(connection: Any) -> bool:
    """Tell whether the server closed a connection on which nobody waits for anything."""
    try:
        for _ in range(_LOOKS):
            connection.pgconn.consume_input()
    except OperationalError:
        return True
    return bool(connection.pgconn.status != ConnStatus.OK)
