"""Encryption comes to a database that people have used."""

import pytest
from django.core.management import call_command
from django.db import connection

from tests.support import make
from turnout.core.clock import now
from turnout.core.models import IdempotentRequest
from turnout.registrations.models import Registration


def run(statement: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.django_db(transaction=True)
@pytest.mark.long
def test_what_was_held_in_plain_text_is_encrypted() -> None:
    event = make.event()
    people = [make.pending(event) for _ in range(3)]
    for held in ("kept", "under way"):
        IdempotentRequest.objects.create(key=held, body="", holder=event.id, held_until=now(), created_at=now())
    call_command("migrate", "registrations", "0002", verbosity=0)
    call_command("migrate", "core", "0001", verbosity=0)
    for person, phone in zip(people, ["+213555123456", "0555123456", ""], strict=True):
        run("UPDATE registrations_registration SET phone = %s WHERE full_name = %s", phone, person.full_name)
    key = connection.ops.quote_name("key")  # a word of MariaDB's own
    reply = '{"phone": "+213555123456"}'
    run(f"UPDATE core_idempotentrequest SET status = 201, reply = %s WHERE {key} = 'kept'", reply)  # noqa: S608
    call_command("migrate", verbosity=0)
    assert [Registration.objects.get(pk=person.pk).phone for person in people] == ["+213555123456", "0555123456", ""]
    assert dict(IdempotentRequest.objects.values_list("key", "reply")) == {
        "kept": '{"phone": "+213555123456"}',
        "under way": None,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT phone FROM registrations_registration UNION ALL SELECT reply FROM core_idempotentrequest"
        )
        assert sorted(str(held)[:5] for (held,) in cursor.fetchall()) == ["", "None", "gAAAA", "gAAAA", "gAAAA"]
