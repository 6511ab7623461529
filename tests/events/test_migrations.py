"""Migrations on a database that people have used."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from tests.support import make
from tests.support.databases import SQLITE, as_default, fresh_database
from turnout.core.clock import now
from turnout.events.models import Event


@pytest.mark.django_db(transaction=True)
@pytest.mark.long
def test_what_search_goes_by_is_derived_for_events_that_are_there() -> None:
    # With foreign keys that point somewhere: PostgreSQL makes no index while a check of those is due.
    past, coming = make.full_event(1, title="Été & co"), make.full_event(2, title="C++")
    Event.objects.filter(pk=past.pk).update(
        starts_at=now() - timedelta(days=2), ends_at=now() - timedelta(days=1), owner=make.staff()
    )
    call_command("migrate", "events", "0001", verbosity=0)
    call_command("migrate", verbosity=0)  # and what hangs on them
    derived = Event.objects.values_list("title", "title_key", "over")
    assert set(derived) == {("Été & co", " ete co ", True), ("C++", " c++ ", False)}
    assert coming.pk in Event.objects.not_over().values_list("pk", flat=True)


@pytest.mark.long
def test_on_sqlite_lists_of_what_is_coming_follow_the_index_that_passes_what_is_over(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    # On a SQLite of its own: other planners go by what a table holds. Theirs are looked at in bench/.
    with fresh_database(SQLITE, tmp_path) as url, django_db_blocker.unblock(), as_default(url):
        call_command("migrate", verbosity=0)
        plans = [
            Event.objects.listed().not_over().order_by("starts_at", "id").explain(),
            Event.objects.not_marked_over().filter(starts_at__lt=now()).order_by().explain(),
        ]
    assert ["event_coming_by_start" in plan and "TEMP B-TREE" not in plan for plan in plans] == [True, True], plans
