import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries

from tests.support import make
from turnout.core.models import AuditEntry
from turnout.core.text import fold
from turnout.events.actions import Tally, import_events
from turnout.events.files import Remark
from turnout.events.imports import Draft, read_conferences
from turnout.events.languages import ISO_639_1
from turnout.events.models import Event, SeatPool
from turnout.events.timezones import start_of_day, zone_of

SAMPLE = Path(__file__).parents[1] / "data" / "conferences-300.json"
BAD_URL = "url: must be a valid http:// or https:// address"
CONTROL = "holds a control character, or half of a surrogate pair"
# What is wrong with the real rows, and what is noted on them.
SAMPLE_FAULTS = [
    f"row 64: {BAD_URL}",
    f"row 98: {BAD_URL}",
    f"row 109: {BAD_URL}",
    "row 228: name: the same name and startDate as row 227",
    "row 231: city: missing, and it is not online: nobody could attend",
]
SAMPLE_NOTES = ['row 240: locales: "JP" is left out: not a code of ISO 639-1']


def row(**changes: Any) -> dict[str, Any]:
    """Return a sound row with these changes; a field changed to `...` is left out."""
    sound = {
        "name": "Pycon Algiers",
        "url": "https://pycon.example.org/2026",
        "startDate": "2026-11-30",
        "endDate": "2026-12-01",
        "city": "Algiers",
        "country": "Algeria",
        "online": False,
        "locales": "EN",
        "topics": ["python"],
    }
    return {name: value for name, value in (sound | changes).items() if value is not ...}


def read(*rows: object) -> tuple[list[Draft], list[str], list[str]]:
    """Return drafts, faults and notes of a file with these rows."""
    reading = read_conferences(json.dumps(rows).encode())
    return reading.drafts, [str(fault) for fault in reading.faults], [str(note) for note in reading.notes]


def draft(**changes: Any) -> Draft:
    drafts, faults, _notes = read(row(**changes))
    assert faults == []
    return drafts[0]


def file(folder: Path, *rows: object) -> str:
    path = folder / "conferences.json"
    path.write_text(json.dumps(rows))
    return str(path)


def run(path: str | Path) -> list[str]:
    out = StringIO()
    call_command("import_events", str(path), stdout=out)
    return out.getvalue().splitlines()


def stored() -> list[dict[str, Any]]:
    return [dict(values) for values in Event.objects.order_by("pk").values()]


# --- What a row becomes ------------------------------------------------------------------------------------------


def test_a_row_becomes_a_draft() -> None:
    assert read(row()) == (
        [
            Draft(
                row=1,
                source_key="fc846ea29e7ce0aa6503a1f4ced79e5436bbab4ce3ff72b40cd95751e4ade4bc",
                title="Pycon Algiers",
                description="Topics: python.",
                website="https://pycon.example.org/2026",
                location="Algiers, Algeria",
                offers_on_site=True,
                offers_online=False,
                timezone="Africa/Algiers",
                starts_at=datetime(2026, 11, 29, 23, tzinfo=UTC),
                ends_at=datetime(2026, 12, 1, 23, tzinfo=UTC),
                languages=("en",),
            )
        ],
        [],
        [],
    )


def test_a_row_with_the_least_becomes_a_draft() -> None:
    least = draft(url=..., city=..., country=..., locales=..., topics=..., online=True)
    shown = (least.website, least.location, least.description, least.languages, least.timezone)
    assert shown == ("", "", "", (), "UTC")
    assert (least.offers_on_site, least.offers_online) == (False, True)
    assert (least.starts_at, least.ends_at) == (
        datetime(2026, 11, 30, tzinfo=UTC),
        datetime(2026, 12, 2, tzinfo=UTC),
    )


def test_null_is_as_good_as_nothing_and_unknown_fields_do_not_matter() -> None:
    assert draft(twitter=None, locales=None, topics=None, unheard_of={"a": [1]}).languages == ()


def test_names_are_trimmed_and_spaced_singly() -> None:
    assert draft(name="  IoT,  AI \u00a0 Summit ").title == "IoT, AI Summit"


def test_topics_and_help_to_follow_are_described() -> None:
    described = draft(topics=["ruby", " data "], offersSignLanguageOrCC=True).description
    assert described == "Topics: ruby, data. Sign language or captions are offered."


@pytest.mark.parametrize(
    ("locales", "languages", "notes"),
    [
        ("EN", ("en",), []),
        ("EN,DE", ("en", "de"), []),
        ("EN, DE , en,", ("en", "de"), []),
        ("EN, JP", ("en",), ['row 1: locales: "JP" is left out: not a code of ISO 639-1']),
        ("English", (), ['row 1: locales: "ENGLISH" is left out: not a code of ISO 639-1']),
        ("", (), []),
    ],
)
def test_languages_are_those_of_iso_639(locales: str, languages: tuple[str, ...], notes: list[str]) -> None:
    drafts, faults, noted = read(row(locales=locales))
    assert (drafts[0].languages, faults, noted) == (languages, [], notes)


def test_there_are_183_codes_of_two_letters() -> None:
    assert len(ISO_639_1) == 183
    assert {len(code) for code in ISO_639_1} == {2}


def test_a_byte_order_mark_does_not_matter() -> None:
    assert len(read_conferences(b"\xef\xbb\xbf" + json.dumps([row()]).encode()).drafts) == 1


# --- Where and when ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("city", "country", "zone"),
    [
        ("Berlin", "Germany", "Europe/Berlin"),
        ("Munich", "Germany", "Europe/Berlin"),
        ("São Paulo", "Brazil", "America/Sao_Paulo"),
        ("Fortaleza", "Brazil", "America/Fortaleza"),
        ("Chapecó", "Brazil", "America/Sao_Paulo"),
        ("St. John\u2019s", "Canada", "America/St_Johns"),
        ("Ottawa", "Canada", "America/Toronto"),
        ("Mississauga, ON", "Canada", "America/Toronto"),
        ("Victoria, BC", "Canada", "America/Vancouver"),
        ("New York, NY", "U.S.A.", "America/New_York"),
        ("San Francisco, CA", "U.S.A.", "America/Los_Angeles"),
        ("Austin, TX", "USA", "America/Chicago"),
        ("Boise, ID", "United States", "America/Boise"),
        ("Washington, DC", "U.S.A.", "America/New_York"),
        ("Saint Petersburg", "Russia", "Europe/Moscow"),
        ("Novosibirsk", "Russia", "Asia/Novosibirsk"),
        ("Kharkiv", "Ukraine", "Europe/Kyiv"),
        ("London", "U.K.", "Europe/London"),
        ("Leeds", "England", "Europe/London"),
        ("Edinburgh", "Scotland", "Europe/London"),
        ("Seoul", "Korea", "Asia/Seoul"),
        ("Busan", "South Korea", "Asia/Seoul"),
        ("Brno", "Czech Republic", "Europe/Prague"),
        ("Skopje", "North Macedonia", "Europe/Skopje"),
        ("Sarajevo", "Bosnia and Herzegovina", "Europe/Sarajevo"),
        ("Hanoi", "Vietnam", "Asia/Ho_Chi_Minh"),
        ("Pristina", "Kosovo", "Europe/Belgrade"),
        ("Hong Kong", "Hong Kong", "Asia/Hong_Kong"),
        ("Abidjan", "Côte d'Ivoire", "Africa/Abidjan"),
        ("Tunis", "TN", "Africa/Tunis"),
        ("Apia", "Samoa", "Pacific/Apia"),
        ("Kinshasa", "Democratic Republic of the Congo", "Africa/Kinshasa"),
        ("Ottokar's Town", "Syldavia", None),
        ("Algiers", "", None),
    ],
)
def test_a_place_has_a_timezone(city: str, country: str, zone: str | None) -> None:
    assert zone_of(city, country) == zone


@pytest.mark.parametrize(
    ("country", "note"),
    [
        ("Syldavia", 'row 1: country: "Syldavia" is no country we know: its days are taken to begin at midnight UTC'),
        (..., "row 1: country: missing: its days are taken to begin at midnight UTC"),
    ],
)
def test_a_place_nobody_knows_is_imported_with_a_note(country: object, note: str) -> None:
    drafts, faults, notes = read(row(country=country))
    assert (drafts[0].timezone, faults, notes) == ("UTC", [], [note])


@pytest.mark.parametrize(
    ("day", "zone", "moment"),
    [
        (date(2026, 7, 1), "Europe/Paris", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        # Midnight was skipped: the day began at one.
        (date(2017, 10, 15), "America/Sao_Paulo", datetime(2017, 10, 15, 3, tzinfo=UTC)),
        # Midnight came twice: the day began with the first.
        (date(2020, 11, 1), "America/Havana", datetime(2020, 11, 1, 4, tzinfo=UTC)),
    ],
)
def test_a_day_begins_with_its_first_moment(day: date, zone: str, moment: datetime) -> None:
    assert start_of_day(day, zone) == moment


def test_a_day_that_clocks_skipped_can_hold_no_event() -> None:
    skipped = row(city="Apia", country="Samoa", startDate="2011-12-30", endDate="2011-12-30")
    assert read(skipped) == ([], ["row 1: endDate: there was no such day in Pacific/Apia"], [])


# --- Rows that are left out --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"name": ...}, ["name: missing"]),
        ({"name": None}, ["name: missing"]),
        ({"name": "   "}, ["name: empty"]),
        ({"name": "\u200b"}, ["name: has no visible character"]),
        ({"name": "n" * 201}, ["name: longer than 200 characters"]),
        ({"name": 12}, ["name: must be text"]),
        ({"name": ["Pycon"]}, ["name: must be text"]),
        ({"name": "Py\0con"}, [f"name: {CONTROL}"]),
        ({"name": "Py\ncon"}, [f"name: {CONTROL}"]),
        ({"name": "Py\ud83dcon"}, [f"name: {CONTROL}"]),
        ({"startDate": ...}, ["startDate: missing"]),
        ({"endDate": ...}, ["endDate: missing"]),
        ({"startDate": "30/11/2026"}, ["startDate: must be a date such as 2026-11-30"]),
        ({"startDate": "20261130"}, ["startDate: must be a date such as 2026-11-30"]),
        ({"startDate": "2026-11-31"}, ["startDate: must be a date such as 2026-11-30"]),
        ({"startDate": "\u0662\u0660\u0662\u0666-11-30"}, ["startDate: must be a date such as 2026-11-30"]),
        ({"startDate": 20261130}, ["startDate: must be text"]),
        ({"startDate": "0001-01-01"}, ["startDate: the year must be from 1970 to 2200"]),
        ({"endDate": "9999-12-31"}, ["endDate: the year must be from 1970 to 2200"]),
        ({"endDate": "2026-11-29"}, ["endDate: before startDate"]),
        ({"endDate": "2027-12-02"}, ["endDate: more than a year after startDate"]),
        ({"city": ...}, ["city: missing, and it is not online: nobody could attend"]),
        ({"city": " ", "online": ...}, ["city: missing, and it is not online: nobody could attend"]),
        ({"city": "c" * 192}, ["city: longer than 200 characters"]),
        ({"city": 5}, ["city: must be text"]),
        ({"country": "Alg\x7feria"}, [f"country: {CONTROL}"]),
        ({"online": "false"}, ["online: must be true or false"]),
        ({"online": 1}, ["online: must be true or false"]),
        ({"url": "ftp://example.org/"}, [BAD_URL]),
        ({"url": "javascript:alert(1)"}, [BAD_URL]),
        ({"url": "https://example.org/Austin, TX"}, [BAD_URL]),
        ({"url": "https://example.org/" + "u" * 481}, ["url: longer than 500 characters"]),
        ({"url": {}}, ["url: must be text"]),
        ({"topics": "ruby"}, ["topics: must be a list of texts"]),
        ({"topics": ["ruby", 1]}, ["topics: must be a list of texts"]),
        ({"topics": ["ru\0by"]}, [f"topics: {CONTROL}"]),
        ({"topics": ["t" * 101]}, ["topics: longer than 100 characters"]),
        ({"topics": ["t"] * 51}, ["topics: more than 50"]),
        ({"locales": ["EN"]}, ["locales: must be text"]),
        ({"locales": "EN\ud800"}, [f"locales: {CONTROL}"]),
        ({"offersSignLanguageOrCC": "yes"}, ["offersSignLanguageOrCC: must be true or false"]),
        ({"cfpUrl": 1}, ["cfpUrl: must be text"]),
        ({"name": ..., "url": 1, "online": 0}, ["name: missing", "url: must be text", "online: must be true or false"]),
    ],
)
def test_a_bad_row_is_left_out_and_costs_no_other(changes: dict[str, Any], faults: list[str]) -> None:
    drafts, found, notes = read(row(**changes), row(name="Sound"))
    assert [kept.title for kept in drafts] == ["Sound"]
    assert (found, notes) == ([f"row 1: {fault}" for fault in faults], [])


@pytest.mark.parametrize("content", [None, 1, "Pycon", [], ["name"], True])
def test_what_is_no_object_is_left_out(content: object) -> None:
    drafts, faults, _notes = read(row(), content)
    assert (len(drafts), faults) == (1, ["row 2: row: must be an object, such as {...}"])


def test_the_longest_name_place_and_stay_are_imported() -> None:
    longest = draft(name="n" * 200, city="c" * 191, startDate="2026-01-01", endDate="2027-01-02")
    assert (len(longest.title), len(longest.location)) == (200, 200)


def test_the_same_name_and_start_count_once() -> None:
    rows = [row(name="Café  Conf"), row(name="CAFE CONF", city="Oran"), row(name="Café Conf", startDate="2026-12-01")]
    drafts, faults, _notes = read(*rows)
    assert [kept.row for kept in drafts] == [1, 3]
    assert faults == ["row 2: name: the same name and startDate as row 1"]


def test_a_bad_row_does_not_stand_in_the_way_of_its_sound_twin() -> None:
    drafts, faults, _notes = read(row(city=...), row())
    assert ([kept.row for kept in drafts], len(faults)) == ([2], 1)


# --- Files that are refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            b'[{"name": "Py',
            "This is not valid JSON: Unterminated string starting at: line 1 column 11 (char 10)",
        ),
        (b"", "This is not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'[{"name": "caf\xe9"}]', "This is not UTF-8 text: byte 14 is not part of any"),
        (b'{"name": "Pycon"}', "This is not a list of conferences: the outermost must be a JSON list"),
        (b"[" * 100_000, "This is not a list of conferences: it is nested too deeply"),
    ],
)
@pytest.mark.django_db
def test_a_file_that_can_not_be_read_is_refused_whole(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "conferences.json"
    path.write_bytes(content)
    with pytest.raises(CommandError) as refusal:
        run(path)
    assert str(refusal.value) == f"{path} can't be imported: {complaint}. Nothing was written."
    assert Event.objects.count() == 0


def test_a_file_cut_in_half_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    path.write_bytes(SAMPLE.read_bytes()[: SAMPLE.stat().st_size // 2])
    with pytest.raises(CommandError, match="This is not valid JSON"):
        run(path)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as missing:
        run(tmp_path / "nothing.json")
    with pytest.raises(CommandError) as folder:
        run(tmp_path)
    assert [str(refusal.value) for refusal in (missing, folder)] == [
        f"{tmp_path}/nothing.json can't be read: No such file or directory. Nothing was written.",
        f"{tmp_path} can't be read: Is a directory. Nothing was written.",
    ]


# --- What is written ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_real_conferences_are_imported_once_however_often() -> None:
    remarks = [*SAMPLE_FAULTS, *SAMPLE_NOTES]
    first, before = run(SAMPLE), stored()
    assert first == [
        *remarks,
        "295 of 295 conferences",
        "295 created, 0 changed, 0 unchanged; rows skipped: 5, notes: 1",
    ]
    again = run(SAMPLE)
    assert again[-1] == "0 created, 0 changed, 295 unchanged; rows skipped: 5, notes: 1"
    assert stored() == before
    assert SeatPool.objects.filter(capacity=None, attendance_type="", taken=0).count() == 295
    assert AuditEntry.objects.filter(verb="event.created").count() == 295
    assert AuditEntry.objects.count() == 295


@pytest.mark.django_db
def test_an_imported_event_is_as_one_made_by_hand() -> None:
    import_events([draft(name="Café Conf", locales="EN,DE")])
    event = Event.objects.get()
    folded = (event.search_text, event.location_key)
    event.full_clean()
    assert (event.search_text, event.location_key) == folded == (" cafe conf topics python", "algiers, algeria")
    assert (event.kind, event.status, event.owner) == ("conference", "published", None)
    assert [(language.rank, language.code) for language in event.languages.all()] == [(0, "en"), (1, "de")]
    pool = event.pools.get()
    assert (pool.attendance_type, pool.capacity, pool.taken, pool.waiting) == ("", None, 0, 0)


@pytest.mark.django_db
def test_a_changed_row_changes_its_event_and_not_its_seats(tmp_path: Path) -> None:
    run(file(tmp_path, row(), row(name="Other")))
    event = Event.objects.get(title="Pycon Algiers")
    make.confirmed(event)
    Event.objects.filter(pk=event.pk).update(status=Event.Status.CANCELLED)
    SeatPool.objects.filter(event=event).update(capacity=5)
    lines = run(file(tmp_path, row(name="PYCON ALGIERS", city="Oran", locales="FR,EN"), row(name="Other")))
    assert lines[-1] == "0 created, 1 changed, 1 unchanged; rows skipped: 0, notes: 0"
    event.refresh_from_db()
    assert (event.title, event.location, event.location_key) == ("PYCON ALGIERS", "Oran, Algeria", "oran, algeria")
    assert (event.status, [language.code for language in event.languages.all()]) == ("cancelled", ["fr", "en"])
    assert event.pools.values_list("capacity", "taken").get() == (5, 1)
    verbs = AuditEntry.objects.filter(subject=event.id).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["event.created", "event.changed"]


@pytest.mark.django_db
def test_languages_alone_are_a_change() -> None:
    import_events([draft(locales="EN,DE")])
    assert import_events([draft(locales="DE,EN")]) == Tally(changed=1)
    assert import_events([draft(locales="DE,EN")]) == Tally(unchanged=1)


@pytest.mark.django_db
def test_events_that_were_not_imported_are_left_alone(tmp_path: Path) -> None:
    day = datetime(2026, 11, 29, 23, tzinfo=UTC)
    make.event(title="Pycon Algiers", kind="conference", starts_at=day, hours=48)
    before = stored()
    assert run(file(tmp_path, row()))[-1] == "1 created, 0 changed, 0 unchanged; rows skipped: 0, notes: 0"
    assert stored()[:1] == before


@pytest.mark.django_db
def test_a_row_the_database_refuses_costs_no_other() -> None:
    drafts = [draft(name=f"Conference {number}") for number in range(7)]
    impossible = draft(name="Never")
    drafts[4] = Draft(**{**fields(impossible), "row": 5, "offers_on_site": False, "offers_online": False})
    tally = import_events(drafts)
    assert (tally.created, tally.changed, tally.unchanged) == (6, 0, 0)
    assert [(refused.row, refused.field) for refused in tally.refused] == [(5, "row")]
    assert tally.refused[0].detail.startswith("the database refuses it: ")
    assert "event_can_be_attended" in tally.refused[0].detail
    assert [row["title"] for row in stored()] == [f"Conference {number}" for number in (0, 1, 2, 3, 5, 6)]


@pytest.mark.django_db
def test_a_row_that_breaks_a_rule_of_events_is_refused_alone() -> None:
    elsewhere = replace(draft(name="Elsewhere"), timezone="Mars/Base")
    tally = import_events([draft(), elsewhere])
    message = "This is not the name of a timezone, such as Africa/Algiers."
    assert tally == Tally(created=1, refused=(Remark(1, "timezone", message),))


@pytest.mark.django_db
def test_a_place_whose_letters_unfold_into_many_is_a_place() -> None:
    assert import_events([draft(city="\ufdfa" * 100, country="Algeria")]) == Tally(created=1)
    assert Event.objects.get().location_key == fold("\ufdfa" * 100)[:400]


@pytest.mark.django_db
def test_a_batch_takes_few_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    drafts = [draft(name=f"Conference {number}") for number in range(40)]
    with django_assert_max_num_queries(8):
        assert import_events(drafts) == Tally(created=40)
    with django_assert_max_num_queries(4):
        assert import_events(drafts) == Tally(unchanged=40)


def fields(of: Draft) -> dict[str, Any]:
    return {name: getattr(of, name) for name in Draft.__slots__}


def test_a_conference_lasts_until_its_last_midnight() -> None:
    one_day = draft(endDate="2026-11-30")
    assert one_day.ends_at - one_day.starts_at == timedelta(days=1)
