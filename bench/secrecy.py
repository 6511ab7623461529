"""`python -m bench.secrecy` measures whether a stranger can tell by the time of an answer who is known.

Deeds of known and of unknown addresses take turns, and the rank-sum statistic (Mann and Whitney) says how often one of
a known address takes longer than one of an unknown one: 0.5 where they can't be told apart. The exit status is 1 where
it is not between 0.4 and 0.6.
"""

import logging
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import django
import httpx
from django.core.management import call_command

from bench.server import HOST, held_port, production, serving

COUNT = 200
LEAST, MOST = 0.4, 0.6
_PASSWORD = "violet tram 88"  # noqa: S105  # nobody's
_DEEDS = {
    "login": ("/api/auth/login/", {"password": "not this one"}),
    "signup": ("/api/auth/signup/", {"password": _PASSWORD, "role": "seeker"}),
    "password reset": ("/api/auth/password/reset/", {}),
    "resend": ("/api/auth/verify/resend/", {}),
}


def main() -> int:
    """Measure each deed, print the figures, and return the exit status."""
    with _site() as site:
        areas = [_compare(site, name) for name in _DEEDS]
    return int(not all(LEAST <= area <= MOST for area in areas))


def area(known: list[float], unknown: list[float]) -> float:
    """Return the chance that one of the first is greater than one of the second; equal ones count half."""
    greater = sum((a > b) + (a == b) / 2 for a in known for b in unknown)
    return greater / (len(known) * len(unknown))


def _compare(site: httpx.Client, name: str) -> float:
    path, fields = _DEEDS[name]
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(-10, COUNT // 2):  # the first ones warm it up
        # Who goes first changes from turn to turn.
        for kind in ("known", "unknown") if number % 2 else ("unknown", "known"):
            sent = {"email": f"{kind}{number % (COUNT // 2)}@example.org", **fields}
            start = perf_counter()
            answer = site.post(path, json=sent)
            times[kind] += [perf_counter() - start] * (number >= 0)
            assert answer.status_code in {201, 202, 401}, answer.text  # noqa: S101  # else nothing was measured
    found = area(times["known"], times["unknown"])
    medians = " ".join(f"{kind} {statistics.median(each) * 1000:.2f} ms" for kind, each in times.items())
    sys.stdout.write(f"{name:<15} {medians:<35} area {found:.3f}\n")
    return found


@contextmanager
def _site() -> Iterator[httpx.Client]:
    with tempfile.TemporaryDirectory() as folder, held_port() as port:
        environment = production(f"sqlite:///{folder}/secrecy.sqlite3", Path(folder), port)
        os.environ.update(environment)
        django.setup()
        logging.disable()  # of this process
        call_command("migrate", verbosity=0)
        _people()
        with serving(environment, port, 1), httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False) as site:
            yield site


def _people() -> None:
    # Knows the models, and those the settings, which now know the database's address.
    from turnout.accounts.models import Role, User  # noqa: PLC0415

    first = User(email="known0@example.org")
    first.set_password(_PASSWORD)
    people = [
        User(
            email=f"known{number}@example.org",
            password=first.password,
            role=Role.SEEKER,
            address_verified=True,
        )
        for number in range(COUNT // 2)
    ]
    for person in people:
        person.clean()
    User.objects.bulk_create(people)


if __name__ == "__main__":
    sys.exit(main())
