"""A PostgreSQL server of the bench's own: the tests' one, but durable, and counting statements."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import services


class Durable(services.PostgreSQL):
    """PostgreSQL set as for production on a machine of its own size."""

    name = "bench-postgresql"

    def prepare(self) -> None:
        """Make the cluster as for the tests, but written to the disk when that is done."""
        options = ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        data = str(self.home / "data")
        self.run_tool([str(self.tool("initdb")), "-U", "turnout", "-D", data, *options])

    def command(self, port: int) -> list[str]:
        """Give the command line that serves in the foreground."""
        settings = {
            "listen_addresses": services.HOST,
            "port": port,
            "unix_socket_directories": self.home,
            # What a registration was told must be true after a power cut: this is what durability costs.
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "max_connections": 100,
            "shared_buffers": "1GB",
            "effective_cache_size": "4GB",
            "maintenance_work_mem": "512MB",
            "random_page_cost": "1.1",  # disks without a moving head
            "max_wal_size": "4GB",  # so that no checkpoint is forced in a window
            "shared_preload_libraries": "pg_stat_statements",
            "pg_stat_statements.max": "10000",  # searches differ in their text: none may be forgotten
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.tool("postgres")), "-D", str(self.home / "data"), *options]

    @property
    def pid(self) -> int:
        """The postmaster's process."""
        found = self.process()
        if found is None:
            raise services.ServiceError("PostgreSQL has ended")
        return found.pid


@contextmanager
def running() -> Iterator[tuple[Durable, str]]:
    """Run an empty server, installed first where it is missing; yield it and its address. Its data goes in the end."""
    server = Durable()
    with _alone():
        with services.alone():  # as `make services` looks for its ports
            if server.missing():
                services.install([server.package])
            services.make_root()
            server.stop()  # what a killed run left behind
            port = server.start_anew()
        try:
            yield server, server.url(port)
        finally:
            server.stop()
            services.remove_tree(server.home)


@contextmanager
def _alone() -> Iterator[None]:
    """Let one run at a time measure on this checkout: a second one would take the first one's server for a dead one."""
    with Path(__file__).open(encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise services.ServiceError("another run is measuring on this checkout") from None
        yield
