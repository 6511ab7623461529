import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench import bare, web
from bench.data import make_templates
from bench.options import read_options
from bench.report import table
from bench.scenarios import in_turn, place_of
from turnout.notifications.models import Message


def test_a_table_has_texts_on_the_left_and_figures_on_the_right() -> None:
    assert table(["what", "ms"], [["list", "1.0"]]) == "| what | ms |\n| --- | ---: |\n| list | 1.0 |"


def test_clients_begin_at_different_places_and_all_places_have_their_turn() -> None:
    places = [in_turn(client, 4, 8) for client in range(4)]
    assert [[next(place) for _ in range(9)] for place in places] == [
        [place_of(client, 4, 8, deed) for deed in range(9)] for client in range(4)
    ]
    assert [place_of(client, 4, 8, 0) for client in range(4)] == [0, 2, 4, 6]


def test_quick_changes_what_is_not_said_otherwise() -> None:
    assert read_options([]).sizes == (1_000, 100_000, 1_000_000)
    quick = read_options(["--quick", "--sizes", "3000", "1000"])
    assert (quick.sizes, quick.repetitions, quick.output) == ((1_000, 3_000), 2, None)


def test_an_answer_is_read_whole_however_it_arrives() -> None:
    here, there = socket.socketpair()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\nx: y\r\n\r\n" + b"z" * 300_000  # more than one part

    def send() -> None:
        there.sendall(answer[:30])
        there.sendall(answer[30:])

    with here, there, ThreadPoolExecutor(1) as threads:
        sending = threads.submit(send)
        assert web.receive(here) == answer
        sending.result()


def test_another_status_is_an_error_that_says_what_came() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"HTTP/1.1 500 Oh\r\ncontent-length: 4\r\n\r\noops")
        assert list(web.ask(here, [b"GET"], b"200")) == ["500: oops"]


def test_the_bare_statements_name_every_column_once() -> None:
    for statement in (bare.REGISTER, bare.OWE, bare.RECORD):
        names, values = statement.decode().partition("(")[2].split(") VALUES (")
        assert len(names.split(", ")) == len(set(names.split(", "))) == len(values.split(", "))


def test_a_bare_statement_refuses_a_column_that_is_no_more() -> None:
    with pytest.raises(ValueError, match="gone"):
        bare.insert_into(Message, gone="1")


def test_templates_are_made_without_the_real_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNOUT_SHARED", "/nowhere")
    templates = make_templates()
    assert len(templates) > 1_000
    assert all(event.search_text and languages for event, languages in templates)
