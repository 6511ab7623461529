"""Streams in use: a desk in a browser while 1,000 things happen and the server dies, and streams that stay open."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import time_machine
from django.db import connection
from playwright.sync_api import Browser, Page, expect

from tests.races.processes import Place
from tests.support import make
from tests.support.databases import POSTGRESQL
from tests.support.installation import Installation, Server, running, session_of
from turnout.accounts.actions.sessions import sign_out_everywhere
from turnout.api.stream_tickets import LIVES
from turnout.core.clock import now
from turnout.events.actions.teams import add_member, remove_member
from turnout.events.models import Event
from turnout.privacy.actions import erase
from turnout.registrations.actions import cancel
from turnout.registrations.actions.sheets import import_people
from turnout.registrations.models import Registration
from turnout.registrations.sheets import Entry, Sheet

pytestmark = pytest.mark.servers  # it starts servers: once is enough, whatever the round's database

ROUNDS, COMING, LEAVING = 10, 90, 10  # 1,000 in all
HELD_UP = 15_000  # milliseconds
# Whatever the page follows is written down beside it.
EAR = """
window.heard = [];
window.EventSource = class extends EventSource {
    addEventListener(kind, take) {
        super.addEventListener(kind, (event) => {
            if (/^(registration|event)\\./.test(kind)) window.heard.push([Number(event.lastEventId), kind]);
            take(event);
        });
    }
};
"""


def signed_in(chromium: Browser, server: Server, session: str) -> Page:
    context = chromium.new_context(locale="en")
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    context.add_init_script(EAR)
    return context.new_page()


def hundred_happen(event: Event, number: int) -> None:
    """Let ninety people in, and ten of them leave again."""
    names = [f"guest{number}x{each}" for each in range(COMING)]
    rows = [Entry(row, name.title(), f"{name}@example.org", "on_site") for row, name in enumerate(names, 1)]
    import_people(event, Sheet(rows, []), notify=False)
    for leaver in Registration.objects.filter(event=event, email__in=[row.email for row in rows[:LEAVING]]):
        cancel(leaver)


@pytest.mark.parametrize("command", ["serve", "live"])
def test_a_desk_hears_a_thousand_things_once_and_in_order_though_the_server_is_killed(
    chromium: Browser, installation: Installation, command: str
) -> None:
    do = installation.do
    owner = do(make.user, f"farid.{command}")
    event, session = do(make.event, owner=owner, capacity=2000), do(session_of, owner)
    with running(installation.place, command) as server:
        page = signed_in(chromium, server, session)
        page.goto(f"{server.url}/organise/{event.id}/")
        connection = page.locator("[data-live] [role=status]")
        expect(connection).to_have_text("Live", timeout=HELD_UP, use_inner_text=True)
        for number in range(ROUNDS):
            if number == ROUNDS // 3:
                server.die()
            if number == ROUNDS // 2:
                expect(connection).to_have_text("No connection. Trying again.", timeout=HELD_UP, use_inner_text=True)
                server.start()
            do(hundred_happen, event, number)
        page.wait_for_function("count => window.heard.length >= count", arg=ROUNDS * (COMING + LEAVING))
        cancelled, confirmed = (page.locator(f"[data-figure={name}]") for name in ("cancelled", "confirmed"))
        expect(cancelled).to_have_text(str(ROUNDS * LEAVING))
        expect(confirmed).to_have_text(str(ROUNDS * (COMING - LEAVING)))
        expect(connection).to_have_text("Live", use_inner_text=True)
        heard = page.evaluate("window.heard")
        page.context.close()
    assert [number for number, _ in heard] == list(range(1, ROUNDS * (COMING + LEAVING) + 1))
    assert sum(kind == "registration.cancelled" for _, kind in heard) == ROUNDS * LEAVING


# --- The live process --------------------------------------------------------------------------------------------


class Listener:
    """A program that listens to a stream, in a thread of its own."""

    def __init__(self, url: str, **headers: str) -> None:
        self.url, self.headers = url, headers
        self.text, self.status = "", 0
        self.over, self.cut_off = threading.Event(), False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with httpx.Client(trust_env=False, timeout=HELD_UP / 1000) as client:
            try:
                with client.stream("GET", self.url, headers=self.headers) as answer:
                    self.status = answer.status_code
                    for part in answer.iter_text():
                        self.text += part
            except httpx.TransportError:
                self.cut_off = True
        self.over.set()

    def awaits(self, text: str) -> None:
        deadline = time.monotonic() + HELD_UP / 1000
        while text not in self.text:
            assert time.monotonic() < deadline, (text, self.status, self.text)
            time.sleep(0.02)

    def is_let_go(self) -> bool:
        """Tell whether the stream ended, and as an answer should."""
        return self.over.wait(HELD_UP / 1000) and not self.cut_off


@pytest.fixture(scope="module")
def live(installation: Installation) -> Iterator[Server]:
    """Yield a live process that asks each second whether those who listen still may."""
    with running(installation.place, "live", LIVE_RECHECK_SECONDS="1") as server:
        yield server


def test_an_open_stream_ends_when_its_reader_may_no_longer_follow(installation: Installation, live: Server) -> None:
    do, owner = installation.do, installation.do(make.user, "owner.of.rights")
    event = do(make.event, owner=owner)
    path = f"{live.url}/api/events/{event.id}/live/"
    manager, signed_out, erased = (do(make.user, name) for name in ("removed", "signed.out", "erased"))
    members = {user: do(add_member, event, user.email, "manager") for user in (manager, signed_out, erased)}
    listeners = {
        user: Listener(path, Cookie=f"sessionid={do(session_of, user)}")
        for user in (owner, manager, signed_out, erased)
    }
    for listener in listeners.values():
        listener.awaits("still here")
    do(remove_member, members[manager])
    do(sign_out_everywhere, signed_out)
    do(erase, erased)
    for user in (manager, signed_out, erased):
        assert listeners[user].is_let_go()
        assert httpx.get(path, headers=listeners[user].headers, trust_env=False).status_code in {401, 403}
    do(make.confirmed, event, "late.comer")
    listeners[owner].awaits("Late.Comer")
    assert not any("Late.Comer" in listeners[user].text for user in (manager, signed_out, erased))


def test_a_stream_that_a_ticket_opened_outlives_the_ticket_and_not_the_session(
    installation: Installation, live: Server
) -> None:
    do, owner = installation.do, installation.do(make.user, "owner.of.tickets")
    event = do(make.event, owner=owner)
    path, desk = f"/api/events/{event.id}/live/", do(make.client, owner)
    with time_machine.travel(now() - LIVES + timedelta(seconds=8)):
        ticket = do(desk.post, path).json()["ticket"]
    listener = Listener(f"{live.url}{path}?ticket={ticket}")
    listener.awaits("id: 0")
    time.sleep(9)
    assert httpx.get(f"{live.url}{path}?ticket={ticket}", trust_env=False).status_code == 401
    do(make.confirmed, event, "amina")
    listener.awaits("Amina")
    do(sign_out_everywhere, owner)
    assert listener.is_let_go()


def test_forty_open_streams_hold_a_handful_of_connections_and_end_cleanly_with_the_server(
    installation: Installation,
) -> None:
    do, owner = installation.do, installation.do(make.user, "owner.of.many")
    event, session = do(make.event, owner=owner), do(session_of, owner)
    with running(installation.place, "live") as server:
        path = f"{server.url}/api/events/{event.id}/live/"
        listeners = [Listener(path, Cookie=f"sessionid={session}") for _ in range(40)]
        for listener in listeners:
            listener.awaits("id: 0")
        do(make.confirmed, event, "amina")
        for listener in listeners:
            listener.awaits("Amina")
        assert do(connections_of, installation.place) <= 8
        server.process.terminate()
        server.process.wait(5)
        assert all(listener.is_let_go() for listener in listeners)


def connections_of(place: Place) -> int:
    """Return how many connections the database has, but for the one that asks; none are counted where it is a file."""
    if place.kind != POSTGRESQL:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    return int(count)
