"""Run private PostgreSQL, MariaDB and Redis servers for this checkout's tests.

    python3 scripts/services.py start     install what is missing, start, write .services/env
    python3 scripts/services.py status    one line for each server
    python3 scripts/services.py stop      stop them and remove their data
    python3 scripts/services.py browser   install Chromium, and fonts for its pages

They listen on 127.0.0.1 alone, are set for speed and not for durability, let anybody on
this machine in, and know nothing of the servers the system itself may run. Their data
lies in a directory of this user and checkout under the system's temporary directory.

Needs Linux; the standard library is enough.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKOUT = Path(__file__).resolve().parent.parent
ENV_FILE = CHECKOUT / ".services" / "env"
TAG = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]
ROOT = Path(tempfile.gettempdir()).resolve() / f"turnout-services-{os.getuid()}-{TAG}"
HOST = "127.0.0.1"
# Below the range from which the kernel takes ports for outgoing connections, and the
# same for a checkout each time: a server that comes back keeps its address.
FIRST_PORT = 15_000 + int(TAG, 16) % 15_000
PORTS_TRIED = 1_000
START_SECONDS = 60.0
STOP_SECONDS = 10.0
TOOL_SECONDS = 180.0
LOG_LINES = 20
SEARCHED = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
# Not the caller's environment: PGHOST, MYSQL_HOST and their like would lead astray.
ENVIRONMENT = {"PATH": SEARCHED, "LC_ALL": "C.UTF-8"}

# While apt works, policy-rc.d keeps it from starting the system's own servers.
APT_SCRIPT = """\
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\\nexit 101\\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -q -o DPkg::Lock::Timeout=300 update || echo 'apt-get update failed; going on'
apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold \\
    install --no-install-recommends "$@"
"""


class ServiceError(Exception):
    """A server, or the installation of one, failed; the text says how."""


class Process(NamedTuple):
    """A server that was started, as kept on disk for later calls."""

    pid: int
    born: str
    port: int


def say(text: str) -> None:
    """Write one line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Write one line where errors go."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def find_program(name: str) -> str | None:
    """Find a program, also where only root's PATH leads."""
    return shutil.which(name, path=SEARCHED)


def birth(pid: int) -> str:
    """Tell when a process began, in the kernel's ticks; empty where none is alive.

    A pid may be given out again, a pid with its time of birth is not.
    """
    try:
        stat = Path("/proc", str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field, the name, may hold spaces and brackets: count after its end.
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return "" if state in {"Z", "X"} else started


def free_port() -> int:
    """Find a port nobody listens on."""
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        with socket.socket() as probe:
            # The servers set this too; without it a port just left counts as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port
    message = f"no free port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1}"
    raise ServiceError(message)


def make_root() -> None:
    """Make the directory all data lies in, and refuse one that somebody else made."""
    ROOT.mkdir(mode=0o755, exist_ok=True)
    found = ROOT.lstat()
    if ROOT.is_symlink() or not ROOT.is_dir() or found.st_uid != os.getuid():
        message = f"{ROOT} is not a directory of this user: remove it"
        raise ServiceError(message)
    # Whatever the umask says, the servers' own users have to get through.
    ROOT.chmod(0o755)


def remove_tree(path: Path) -> None:
    """Remove a directory, also one a dying process still writes its last files to."""
    for _ in range(20):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(path)


class Service(ABC):
    """One server: how it is made ready, started, asked, and stopped."""

    name: ClassVar[str]
    title: ClassVar[str]
    package: ClassVar[str]
    variable: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    # The user it runs as if root calls; where empty, root itself.
    account: ClassVar[str] = ""

    def __init__(self) -> None:
        """Name the places on disk; nothing is made yet."""
        self.home = ROOT / self.name
        self.log = ROOT / f"{self.name}.log"
        self.record = ROOT / f"{self.name}.process"
        # There once the data is complete, so that half-made data is made anew.
        self.prepared = ROOT / f"{self.name}.prepared"

    @abstractmethod
    def missing(self) -> list[str]:
        """Name the programs that are not installed."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the data directory's content, before the first start."""

    @abstractmethod
    def command(self, port: int) -> list[str]:
        """Give the command line that serves in the foreground."""

    @abstractmethod
    def answers(self, port: int) -> bool:
        """Tell whether the server answers."""

    @abstractmethod
    def url(self, port: int) -> str:
        """Give the address for the settings."""

    @abstractmethod
    def settle(self, port: int) -> None:
        """Do what has to be done once, with the server running."""

    def owner(self) -> pwd.struct_passwd | None:
        """Find the user to run as; None is the caller."""
        if os.getuid() or not self.account:
            return None
        try:
            return pwd.getpwnam(self.account)
        except KeyError:
            message = f"there is no user {self.account!r} to run it as"
            raise ServiceError(message) from None

    def make_home(self) -> None:
        """Begin with an empty directory of the server's own user."""
        remove_tree(self.home)
        self.home.mkdir(mode=0o700)
        self.log.unlink(missing_ok=True)
        owner = self.owner()
        if owner:
            os.chown(self.home, owner.pw_uid, owner.pw_gid)

    def spawn(self, command: Sequence[str], stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a program as the server's user, away from the caller's terminal."""
        owner = self.owner()
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the words are our own
                command,
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=self.home,
                env={**ENVIRONMENT, "HOME": str(self.home)},
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                extra_groups=[] if owner else None,
                umask=0o077,
                start_new_session=True,
            )

    def run_tool(self, command: Sequence[str], stdin: int = subprocess.DEVNULL) -> None:
        """Run a program to its end; what it says goes to the log."""
        tool = self.spawn(command, stdin)
        try:
            status = tool.wait(TOOL_SECONDS)
        except subprocess.TimeoutExpired:
            status = -1
        finally:
            # Also when interrupted: nothing half-done is to go on behind our back.
            if tool.poll() is None:
                os.killpg(tool.pid, signal.SIGKILL)
                tool.wait()
        if status:
            message = f"{Path(command[0]).name} failed"
            raise ServiceError(message)

    def asks(self, command: Sequence[str]) -> bool:
        """Tell whether a program that asks the server is content."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            asked = subprocess.run(  # noqa: S603 - the words are our own
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                timeout=10,
                check=False,
            )
            return asked.returncode == 0
        return False

    def process(self) -> Process | None:
        """Find the process an earlier call started, if it is still alive."""
        try:
            pid, born, port = self.record.read_text(encoding="ascii").split()
            found = Process(int(pid), born, int(port))
        except (OSError, ValueError):
            return None
        return found if birth(found.pid) == found.born else None

    def running_port(self) -> int | None:
        """Give the port of the running server; None if there is none that answers."""
        found = self.process()
        if found and not self.missing() and self.answers(found.port):
            return found.port
        return None

    def launch(self) -> int:
        """Start the server on data that is there, and wait until it answers."""
        port = free_port()
        server = self.spawn(self.command(port))
        self.record.write_text(f"{server.pid} {birth(server.pid)} {port}\n", encoding="ascii")
        deadline = time.monotonic() + START_SECONDS
        while not self.answers(port):
            if server.poll() is not None:
                message = f"ended with status {server.returncode} while starting"
                raise ServiceError(message)
            if time.monotonic() > deadline:
                self.stop()
                message = f"does not answer after {START_SECONDS:.0f} seconds"
                raise ServiceError(message)
            time.sleep(0.05)
        return port

    def start_anew(self) -> int:
        """Make the data from nothing and start."""
        self.prepared.unlink(missing_ok=True)
        self.make_home()
        self.prepare()
        port = self.launch()
        self.settle(port)
        self.prepared.touch()
        return port

    def start(self) -> int:
        """See that the server runs; give its port."""
        absent = self.missing()
        if absent:
            message = f"{', '.join(absent)} not found: install the Debian package {self.package}"
            raise ServiceError(message)
        port = self.running_port()
        if port and self.prepared.exists():
            return port
        self.stop()
        if self.prepared.exists():
            # The second try is for what a killed server leaves behind for a moment.
            for pause in (0.0, 2.0):
                time.sleep(pause)
                with contextlib.suppress(ServiceError):
                    return self.launch()
            # With fsync off a crash may have spoilt the data.
            say(f"{self.title:<11}does not start on its old data: making it anew")
        return self.start_anew()

    def stop(self) -> bool:
        """Stop the server, by force if it takes too long; tell whether there was one."""
        found = self.process()
        if not found:
            return False
        for number in (self.stop_signal, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, number)
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline:
                if birth(found.pid) != found.born:
                    return True
                time.sleep(0.05)
        message = f"process {found.pid} cannot be stopped"
        raise ServiceError(message)

    def log_tail(self) -> str:
        """Give the end of the log, indented."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "".join(f"    {line}\n" for line in lines[-LOG_LINES:])


class PostgreSQL(Service):
    """PostgreSQL, with `turnout` as its superuser."""

    name = "postgresql"
    title = "PostgreSQL"
    package = "postgresql"
    variable = "TEST_POSTGRES_URL"
    account = "postgres"
    # "Fast": does not wait for clients to leave, but cleans up its shared memory.
    stop_signal = signal.SIGINT

    def tool(self, name: str) -> str | None:
        """Find a program of the newest server installed; Debian keeps them off PATH."""
        versions = [
            path.parent
            for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")
            # Clients alone may be there in a newer version than the server.
            if path.with_name("postgres").exists() and path.parts[-3].isdecimal()
        ]
        if not versions:
            return find_program(name)
        newest = max(versions, key=lambda folder: int(folder.parent.name))
        return shutil.which(name, path=f"{newest}:{SEARCHED}")

    def missing(self) -> list[str]:
        """Name the programs that are not installed."""
        names = ("initdb", "postgres", "pg_isready", "createdb")
        return [name for name in names if not self.tool(name)]

    def prepare(self) -> None:
        """Make the cluster, its superuser being `turnout`."""
        options = ["-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        data = str(self.home / "data")
        self.run_tool([str(self.tool("initdb")), "-U", "turnout", "-D", data, *options])

    def command(self, port: int) -> list[str]:
        """Give the command line that serves in the foreground."""
        settings = {
            "listen_addresses": HOST,
            "port": port,
            "unix_socket_directories": self.home,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_connections": 200,
            "shared_buffers": "256MB",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.tool("postgres")), "-D", str(self.home / "data"), *options]

    def address(self, port: int) -> list[str]:
        """Give the options that lead its tools to the server."""
        return ["-h", HOST, "-p", str(port), "-U", "turnout"]

    def answers(self, port: int) -> bool:
        """Ask pg_isready."""
        return self.asks([str(self.tool("pg_isready")), "-q", *self.address(port)])

    def settle(self, port: int) -> None:
        """Create the database."""
        self.run_tool([str(self.tool("createdb")), *self.address(port), "turnout"])

    def url(self, port: int) -> str:
        """Give the address for the settings."""
        return f"postgres://turnout@{HOST}:{port}/turnout"


class MariaDB(Service):
    """MariaDB, with a user `turnout` who may do everything."""

    name = "mariadb"
    title = "MariaDB"
    package = "mariadb-server"
    variable = "TEST_MARIADB_URL"
    account = "mysql"
    # Run at each start, before the first connection is let in. This way no account of
    # the system is needed to make the first one of the database.
    accounts = f"""\
CREATE USER IF NOT EXISTS turnout@'{HOST}' IDENTIFIED BY 'turnout';
GRANT ALL PRIVILEGES ON *.* TO turnout@'{HOST}' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS turnout CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
"""

    def missing(self) -> list[str]:
        """Name the programs that are not installed."""
        names = ("mariadb-install-db", "mariadbd", "mariadb-admin", "mariadb")
        return [name for name in names if not find_program(name)]

    def prepare(self) -> None:
        """Make the system tables."""
        options = ["--skip-test-db", "--auth-root-authentication-method=socket"]
        program = str(find_program("mariadb-install-db"))
        self.run_tool([program, "--no-defaults", f"--datadir={self.home / 'data'}", *options])

    def command(self, port: int) -> list[str]:
        """Give the command line that serves in the foreground."""
        init_file = ROOT / f"{self.name}.sql"
        init_file.write_text(self.accounts, encoding="utf-8")
        init_file.chmod(0o644)
        return [
            str(find_program("mariadbd")),
            "--no-defaults",
            f"--datadir={self.home / 'data'}",
            f"--tmpdir={self.home}",
            f"--socket={self.home / 'mariadb.sock'}",
            f"--pid-file={self.home / 'mariadb.pid'}",
            f"--init-file={init_file}",
            f"--bind-address={HOST}",
            f"--port={port}",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_bin",
            "--skip-log-bin",
            "--sync-binlog=0",
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-innodb-doublewrite",
            # "loose": later versions may not know it any more.
            "--loose-innodb-flush-method=nosync",
            "--max-connections=200",
        ]

    def address(self, port: int) -> list[str]:
        """Give the options that lead its tools to the server."""
        return ["--no-defaults", f"--host={HOST}", f"--port={port}", "-uturnout", "-pturnout"]

    def answers(self, port: int) -> bool:
        """Ask for the status: unlike a ping, that fails where the login does."""
        return self.asks([str(find_program("mariadb-admin")), *self.address(port), "status"])

    def settle(self, port: int) -> None:
        """Load the time zones, without which the server converts times to NULL."""
        zones = Path("/usr/share/zoneinfo")
        converter = find_program("mariadb-tzinfo-to-sql")
        if not converter or not zones.is_dir():
            return
        with tempfile.TemporaryFile() as script:
            # It complains of each file there that is not a time zone.
            subprocess.run(  # noqa: S603 - the words are our own
                [converter, str(zones)],
                stdin=subprocess.DEVNULL,
                stdout=script,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                check=False,
            )
            script.seek(0)
            client = [str(find_program("mariadb")), *self.address(port), "mysql"]
            self.run_tool(client, stdin=script.fileno())

    def url(self, port: int) -> str:
        """Give the address for the settings."""
        return f"mysql://turnout:turnout@{HOST}:{port}/turnout"


class Redis(Service):
    """Redis, keeping nothing on disk."""

    name = "redis"
    title = "Redis"
    package = "redis-server"
    variable = "TEST_REDIS_URL"

    def missing(self) -> list[str]:
        """Name the programs that are not installed."""
        return [] if find_program("redis-server") else ["redis-server"]

    def prepare(self) -> None:
        """Do nothing: it starts empty each time."""

    def settle(self, port: int) -> None:
        """Do nothing: there is nothing to create in it."""

    def command(self, port: int) -> list[str]:
        """Give the command line that serves in the foreground."""
        place = ["--bind", HOST, "--port", str(port), "--dir", str(self.home)]
        keep = ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        return [str(find_program("redis-server")), *place, *keep]

    def answers(self, port: int) -> bool:
        """Send PING."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection((HOST, port), timeout=2) as connection,
        ):
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        return False

    def url(self, port: int) -> str:
        """Give the address for the settings."""
        return f"redis://{HOST}:{port}/0"


def root_command() -> list[str] | None:
    """Give what to put before a command to run it as root; None where we may not."""
    if os.getuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo:
        probe = [sudo, "-n", "true"]
        asked = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - the words are our own
        if asked.returncode == 0:
            return [sudo, "-n"]
    return None


def install(packages: Sequence[str]) -> None:
    """Install Debian packages, without starting the servers in them."""
    prefix = root_command()
    if prefix is None or not shutil.which("apt-get", path=SEARCHED):
        message = f"please install these Debian packages: {' '.join(packages)}"
        raise ServiceError(message)
    say(f"Installing {', '.join(packages)} with apt-get ...")
    # A file, not a pipe: whatever an installation leaves running would hold that open.
    with tempfile.TemporaryFile() as log:
        command = [*prefix, "sh", "-c", APT_SCRIPT, "sh", *packages]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)  # noqa: S603 - the words are our own
        log.seek(0)
        output = log.read().decode(errors="replace").splitlines()[-LOG_LINES:]
    if done.returncode:
        lines = "".join(f"\n    {line}" for line in output)
        message = f"apt-get could not install {' '.join(packages)}:{lines}"
        raise ServiceError(message)


def write_env(ports: dict[Service, int]) -> None:
    """Write the addresses of the running servers, all at once."""
    ENV_FILE.parent.mkdir(exist_ok=True)
    lines = [f"{service.variable}={service.url(port)}\n" for service, port in ports.items()]
    draft = ENV_FILE.with_name("env.new")
    draft.write_text("".join(lines), encoding="ascii")
    draft.replace(ENV_FILE)


def line(service: Service, port: int | None) -> str:
    """Tell about one server in one line."""
    state = f"running  {service.url(port)}" if port else "stopped"
    return f"{service.title:<11}{state}"


def start(services: Sequence[Service]) -> int:
    """Start all that does not run yet; one that fails does not keep the others back."""
    failures = 0
    packages = [service.package for service in services if service.missing()]
    try:
        if packages:
            install(packages)
    except ServiceError as error:
        complain(f"services: {error}")
    make_root()
    ports: dict[Service, int] = {}
    for service in services:
        try:
            ports[service] = service.start()
            say(line(service, ports[service]))
        except (ServiceError, OSError) as error:
            failures += 1
            complain(f"{service.title:<11}failed: {error}\n{service.log_tail()}".rstrip())
    write_env(ports)
    say(f"Addresses are in {ENV_FILE.relative_to(CHECKOUT)}")
    return 1 if failures else 0


def status(services: Sequence[Service]) -> int:
    """Print a line for each server; the exit status tells whether all are running."""
    ports = [service.running_port() for service in services]
    for service, port in zip(services, ports, strict=True):
        say(line(service, port))
    return 0 if all(ports) else 1


def stop(services: Sequence[Service]) -> int:
    """Stop all servers and remove all they wrote."""
    ENV_FILE.unlink(missing_ok=True)
    if not ROOT.exists():
        say("No services are running.")
        return 0
    make_root()
    failures = 0
    for service in services:
        try:
            say(f"{service.title:<11}{'stopped' if service.stop() else 'was not running'}")
        except (ServiceError, OSError) as error:
            failures += 1
            complain(f"{service.title:<11}failed: {error}")
    if not failures:
        remove_tree(ROOT)
    return 1 if failures else 0


def browser() -> int:
    """Install what tests of pages need, where it is missing."""
    if not any(find_program(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        install(["chromium", "fonts-noto-core"])
    return 0


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let one call at a time work on this checkout's servers."""
    # This file is the lock, because it is the one file that is surely there.
    with Path(__file__).open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Run the command line; the result is the exit status."""
    actions = {"start": start, "stop": stop, "status": status}
    parser = argparse.ArgumentParser(description="Run private servers for the tests.")
    parser.add_argument("action", choices=[*actions, "browser"])
    asked = parser.parse_args().action
    if not Path("/proc/self/stat").exists():
        complain("services: this needs Linux; write .services/env for servers of your own")
        return 1
    try:
        with alone():
            return browser() if asked == "browser" else actions[asked]((PostgreSQL(), MariaDB(), Redis()))
    except (ServiceError, OSError) as error:
        complain(f"services: {error}")
        return 1
    except KeyboardInterrupt:
        complain("services: interrupted; start again, or stop")
        return 130


if __name__ == "__main__":
    sys.exit(main())
