"""Statements that are written once: they must answer as the querysets and models do that they were made from."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, NotSupportedError, close_old_connections, connection, transaction
from django.db.models import Exists, F, Model, OuterRef, QuerySet

from tests.support import make
from turnout.accounts.models import TokenFamily, User
from turnout.core.clock import now
from turnout.core.ids import new_id
from turnout.core.prepared import Prepared, PreparedInsert
from turnout.events.models import TeamMember
from turnout.notifications.feed.models import Entry
from turnout.registrations.models import Registration

pytestmark = pytest.mark.django_db


def state(row: Model) -> dict[str, Any]:
    """Return all that an object holds, with the objects loaded beside it, and of which type each is."""
    held = {name: value for name, value in vars(row).items() if name != "_state"}
    beside = {name: state(each) for name, each in row._state.fields_cache.items()}
    return {name: (type(value), value) for name, value in held.items()} | {
        "beside": beside,
        "known": (row._state.db, row._state.adding),
    }


def with_answers(ticket: UUID, key: str) -> "QuerySet[Registration]":
    member = TeamMember.objects.filter(event=OuterRef("event_id"), email_key=key)
    found = Registration.objects.filter(ticket_id=ticket, status="confirmed")
    return found.annotate(owner_id=F("event__owner_id"), note=F("door_note__text"), is_member=Exists(member)).only(
        "answers", "full_name", "ticket_id", "cancelled_at", "expires_at"
    )


def test_it_finds_what_the_queryset_finds_of_the_same_types_and_with_what_is_loaded_beside_it() -> None:
    owner = make.user()
    at = now()
    families = [TokenFamily(user=person, created_at=at, used_at=at, expires_at=at.max) for person in (owner, owner)]
    for family in families:
        family.expires_at = at.replace(year=2099)
        family.save()
    of_user = Prepared(lambda user: TokenFamily.objects.select_related("user").filter(user=user).order_by("id"), UUID)
    expected = [state(each) for each in TokenFamily.objects.select_related("user").filter(user=owner).order_by("id")]

    assert [state(each) for each in of_user(owner.pk)] == expected
    assert len(expected) == 2
    assert of_user(new_id()) == []
    assert of_user.first(new_id()) is None


def test_columns_left_out_and_columns_of_other_tables_are_as_the_queryset_has_them() -> None:
    owner, scanner, stranger = make.user(), make.user(), make.user()
    event = make.event(owner=owner)
    TeamMember.objects.create(event=event, email=scanner.email, email_key=scanner.email_key, role="scanner")
    guests = [make.confirmed(event, name) for name in ("amina", "karim")]
    prepared = Prepared(with_answers, UUID, str)

    for guest in guests:
        assert guest.ticket_id is not None
        for person in (scanner, stranger):
            found = prepared(guest.ticket_id, person.email_key)
            plain = list(with_answers(guest.ticket_id, person.email_key))
            assert [state(each) for each in found] == [state(each) for each in plain]
            assert [vars(each)["is_member"] for each in found] == [person is scanner]
            assert found[0].get_deferred_fields() == plain[0].get_deferred_fields() != set()


def test_it_is_written_once_and_sent_each_time_as_django_sends_it() -> None:
    people = [make.user(), make.user()]
    written = []

    def build(key: object) -> "QuerySet[User]":
        written.append(key)
        return User.objects.filter(email_key=key)

    by_key = Prepared(build, str)
    prepared: list[object] = []
    plain: list[object] = []
    with connection.execute_wrapper(noting(prepared)):
        assert [by_key.first(person.email_key) for person in people * 2] == people * 2
    with connection.execute_wrapper(noting(plain)):
        for person in people * 2:
            list(User.objects.filter(email_key=person.email_key))

    assert len(written) == 1
    assert len(prepared) == len(people * 2)
    assert prepared == plain


def noting(sent: list[object]) -> Callable[..., Any]:
    """Return what notes each statement that is sent, and its values."""

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        sent.append((sql, params))
        return execute(sql, params, many, context)

    return note


def test_a_text_is_a_value_and_never_a_part_of_the_statement() -> None:
    make.user()
    by_key = Prepared(lambda key: User.objects.filter(email_key=key), str)
    assert [by_key(text) for text in ("' OR ''='", "%s", "%", "\\", "x' --")] == [[]] * 5


def test_a_value_that_would_not_be_found_again_in_the_statement_is_refused() -> None:
    contains = Prepared(lambda key: User.objects.filter(email_key__contains=key), str)
    with pytest.raises(ValueError, match="compared"):
        contains("a")


@pytest.mark.django_db(transaction=True)
def test_threads_share_it_and_each_has_its_own_answer() -> None:
    people = [make.user() for _ in range(4)]
    by_key = Prepared(lambda key: User.objects.filter(email_key=key), str)

    def ask(person: User) -> list[list[User]]:
        try:
            return [by_key(person.email_key) for _ in range(20)]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as threads:
        assert list(threads.map(ask, people)) == [[[person]] * 20 for person in people]


def test_a_row_is_written_as_saving_it_would() -> None:
    values = {"topic": new_id(), "kind": "a.b", "subject": new_id(), "data": {"é": [1, None, "%s"]}, "at": now()}
    write = PreparedInsert(Entry)
    saved, rows = Entry(**values), [Entry(**values), Entry(**values, account=new_id(), number=7)]
    saved.save(force_insert=True)
    for row in rows:
        write(row)

    stored = [Entry.objects.get(pk=row.pk) for row in (saved, *rows)]
    own = [{name: value for name, value in state(each).items() if name != "id"} for each in stored]
    assert own[1] == own[0]
    assert (stored[2].account, stored[2].number, stored[2].data) == (rows[1].account, 7, values["data"])
    assert [state(row) for row in rows] == [state(row) for row in stored[1:]]


def test_a_row_that_breaks_a_rule_ends_its_transaction_as_saving_it_would() -> None:
    write, row = PreparedInsert(Entry), Entry(topic=new_id(), kind="", subject=new_id(), at=now())
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            write(row)
        is_over = connection.needs_rollback
    assert is_over
    assert row._state.adding


def test_a_statement_that_the_database_keeps_tells_what_is_there_now_also_after_a_transaction_failed() -> None:
    person = make.user()
    by_key = Prepared(lambda key: User.objects.filter(email_key=key), str)

    told = []
    for name in [str(number) for number in range(12)]:
        User.objects.filter(pk=person.pk).update(name=name)
        told += [each.name for each in by_key(person.email_key)]
    kept = kept_statements("accounts_user")
    with pytest.raises(IntegrityError), transaction.atomic():
        PreparedInsert(Entry)(Entry(topic=new_id(), kind="", subject=new_id(), at=now()))
    told += [each.name for each in by_key(person.email_key)]

    assert told == [*map(str, range(12)), "11"]
    assert kept == (1 if connection.vendor == "postgresql" else 0)


@pytest.mark.django_db(transaction=True)
def test_a_migration_meanwhile_fails_one_request_of_a_connection_at_most() -> None:
    person = make.user()
    by_key = Prepared(lambda key: User.objects.only("name").filter(email_key=key), str)  # which no other test asks

    def ask() -> int:
        try:
            return sum(len(by_key(person.email_key)) for _ in range(12))
        except NotSupportedError:
            return 0
        finally:
            close_old_connections()  # as Django does after each request

    answers = [sum(len(by_key(person.email_key)) for _ in range(12))]
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(widen_names, by=1).result()
        try:
            answers += [ask() for _ in range(5)]
        finally:
            elsewhere.submit(widen_names, by=0).result()
    assert answers == [12, 0 if connection.vendor == "postgresql" else 12, 12, 12, 12, 12]


def widen_names(*, by: int) -> None:
    """Let names be that much longer than the model says, as a migration would; only PostgreSQL cares."""
    length = User._meta.get_field("name").max_length or 0
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {User._meta.db_table} ALTER COLUMN name TYPE varchar(%s)", [length + by])
    connection.close()


def kept_statements(table: str) -> int:
    """Return how many statements about this table PostgreSQL keeps planned for our connection."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", [f'%FROM "{table}"%'])
        (count,) = cursor.fetchone()
    return int(count)
