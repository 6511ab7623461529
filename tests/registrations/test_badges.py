"""Badges: whatever somebody is called stands whole on the label that is theirs, and nothing else of them does."""

import threading
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import ImageOps

from tests.support import make
from turnout.core import pdf
from turnout.core.errors import ConflictError, InvalidError, NotFoundError
from turnout.events.actions import Parts
from turnout.events.actions.questions import QuestionDraft, write_questions
from turnout.events.models import Event
from turnout.registrations import badges as module
from turnout.registrations.badges import LAYOUTS, Layout, Wanted, badges, file_name, to_show
from turnout.registrations.models import Registration
from turnout.registrations.tickets import ticket_text

pytestmark = pytest.mark.django_db
_POINTS = 72 / 25.4  # in a millimetre
_DOTS = 6  # the same, of a picture

NAMES = [
    "Jo Li",
    "Abdelkader Benmohamed-Boudjellal",
    "Lopadotemachoselachogaleokranioleipsanodrimhypotrimmatosilphi",
    "محمد الأمين بن عبد القادر",
    "Mohamed محمد Benali بن علي",
    "عبدالرحمن" * 8,
    "李小龍",
    "क्षत्रिय देवनागरी",
    "W" * 200,
    "word " * 39 + "word",
    "كلمة " * 39 + "كلمة",
    "-" * 200,
    "😀 \u202ex",
]


def everybody(event: Event) -> Any:
    return Registration.objects.filter(event=event)


def printed(event: Event, **wanted: Any) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(badges(event, everybody(event), Wanted(**{"line": "", **wanted})))


def corner(layout: Layout, place: int) -> tuple[float, float]:
    """Return a label's upper left corner, in millimetres from the page's."""
    row, column = divmod(place, layout.columns)
    return layout.at[0] + column * layout.step[0], layout.at[1] + row * layout.step[1]


def text_at(page: pypdfium2.PdfPage, layout: Layout, place: int) -> str:
    """Return what stands on a label, with single spaces."""
    left, top = corner(layout, place)
    box = (left, layout.page[1] - top - layout.label[1], left + layout.label[0], layout.page[1] - top)
    left_, bottom, right, upper = (side * _POINTS for side in box)
    text = page.get_textpage().get_text_bounded(left=left_, bottom=bottom, right=right, top=upper)
    return " ".join(text.split())


def letters(page: pypdfium2.PdfPage) -> dict[str, tuple[float, float, float, float]]:
    """Return left, bottom, right and top of letters, in millimetres from the lower left corner."""
    text = page.get_textpage()
    found = {text.get_text_range(index, 1): text.get_charbox(index) for index in range(text.count_chars())}
    return {letter: tuple(side / _POINTS for side in box) for letter, box in found.items()}


# --- What stands on one ------------------------------------------------------------------------------------------


def test_a_badge_shows_name_and_event_and_no_address() -> None:
    mine = make.confirmed(make.event(title="Go & <b>C++</b>"), "Amina", phone="+213555123456")
    document = printed(mine.event)
    assert len(document) == 1
    assert (round(document[0].get_width() / _POINTS), round(document[0].get_height() / _POINTS)) == (105, 148)
    assert text_at(document[0], LAYOUTS["a6"], 0) == "Go & <b>C++</b> Amina"


@pytest.mark.parametrize("name", ['#read("/etc/passwd")', "*bold* _x_ $y$", "\\input{x}", "<script>", "#let x = 1"])
def test_a_name_is_data_and_stands_as_it_is_written(name: str) -> None:
    event = make.event()
    make.confirmed(event, full_name=name)
    assert name in text_at(printed(event)[0], LAYOUTS["a6"], 0)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("qr", [False, True])
def test_whatever_people_are_called_all_of_it_stays_on_their_label(layout: str, *, qr: bool) -> None:
    event = make.event(title="أيام البرمجة " * 8 + "PyCon", capacity=None)
    for name in NAMES:
        make.confirmed(event, full_name=name)
    sheet = LAYOUTS[layout]
    document = printed(event, layout=layout, qr=qr, line="Speaker, to room 2")
    assert len(document) == -(-len(NAMES) // sheet.per_page)
    for page in document:
        ink = ImageOps.invert(page.render(scale=_DOTS / _POINTS).to_pil().convert("L"))
        for place in range(sheet.per_page):
            left, top = corner(sheet, place)
            right, bottom = left + sheet.label[0], top + sheet.label[1]
            inner = (round((left + 1) * _DOTS), round((top + 1) * _DOTS))
            ink.paste(0, (*inner, round((right - 1) * _DOTS), round((bottom - 1) * _DOTS)))
        assert ink.getbbox() is None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_labels_of_a_sheet_do_not_overlap_and_are_on_it(layout: str) -> None:
    sheet = LAYOUTS[layout]
    assert sheet.columns == 1 or sheet.step[0] >= sheet.label[0]
    assert sheet.rows == 1 or sheet.step[1] >= sheet.label[1]
    x, y = corner(sheet, sheet.per_page - 1)
    assert x + sheet.label[0] <= sheet.page[0]
    assert y + sheet.label[1] <= sheet.page[1]
    margins = (sheet.at[0], sheet.at[1])
    assert (sheet.page[0] - x - sheet.label[0], sheet.page[1] - y - sheet.label[1]) == pytest.approx(margins, abs=0.2)


def test_a_short_name_is_large_and_an_arabic_one_is_shaped_from_right_to_left() -> None:
    event = make.event(title="E")
    make.confirmed(event, full_name="محمد")
    page = printed(event)[0]
    assert "محمد" in page.get_textpage().get_text_bounded()
    left, bottom, _right, top = letters(page)["د"]
    assert top - bottom > 5  # millimetres
    assert left < letters(page)["ح"][0]


def test_how_people_attend_stands_there_if_the_event_knows_several_ways_in_its_language() -> None:
    event = make.event(title="E", by_type={"on_site": 5, "online": 5}, parts=Parts(languages=["fr"]))
    make.confirmed(event, "Ada")
    assert text_at(printed(event, line=None)[0], LAYOUTS["a6"], 0) == "E Ada Sur place"
    assert text_at(printed(event, line="Orateur")[0], LAYOUTS["a6"], 0) == "E Ada Orateur"
    assert text_at(printed(event)[0], LAYOUTS["a6"], 0) == "E Ada"
    one_way = make.event(title="E", by_type={"on_site": 5})
    make.confirmed(one_way, "Ada")
    assert text_at(printed(one_way, line=None)[0], LAYOUTS["a6"], 0) == "E Ada"


@pytest.mark.parametrize(
    ("draft", "answer", "shown"),
    [
        (QuestionDraft("Company", "text"), "Sonatrach", "Sonatrach"),
        (QuestionDraft("Vegan", "yes_no"), False, "No"),
        (QuestionDraft("Days", "choices", choices=("Mon", "Tue")), ["Mon", "Tue"], "Mon, Tue"),
        (QuestionDraft("Born", "date"), "1990-02-03", "Feb. 3, 1990"),
        (QuestionDraft("Age", "number"), 7, "7"),
        (QuestionDraft("Bio", "long_text"), "one\ntwo " * 100, ("one two " * 15)[:119] + "…"),
    ],
)
def test_an_answer_stands_under_the_name(draft: QuestionDraft, answer: object, shown: str) -> None:
    event, (question,) = make.asking(draft, title="E")
    make.confirmed(event, "Ada", answers={str(question.key): answer})
    text = text_at(printed(event, question=question.key)[0], LAYOUTS["a6"], 0)
    assert text == f"E Ada {shown}"
    assert text_at(printed(event)[0], LAYOUTS["a6"], 0) == "E Ada"


def test_an_answer_to_a_question_that_is_asked_no_more_can_still_stand_there() -> None:
    event, questions = make.asking(QuestionDraft("Company", "text"), QuestionDraft("Passport", "file"), title="E")
    company, _passport = questions
    make.confirmed(event, "Ada", answers={str(company.key): "Sonatrach"})
    write_questions(event, [], actor="system")
    assert [each.label for each in to_show(event)] == ["Company"]
    assert text_at(printed(event, question=company.key)[0], LAYOUTS["a6"], 0) == "E Ada Sonatrach"


def test_the_code_is_the_ticket_and_who_has_none_gets_a_badge_without() -> None:
    event = make.event(capacity=1)
    seated, waiting = make.confirmed(event, "Ada"), make.confirmed(event, "Zed")
    document = printed(event, layout="90x55", qr=True)
    with_code, without = (zxingcpp.read_barcode(page.render(scale=4).to_pil()) for page in document)
    assert with_code is not None
    assert (with_code.text, without) == (ticket_text(seated), None)
    assert waiting.full_name in text_at(document[1], LAYOUTS["90x55"], 0)


def test_every_code_of_a_sheet_of_the_smallest_labels_is_read() -> None:
    event = make.event(capacity=None)
    for _number in range(21):
        make.confirmed(event)
    found = zxingcpp.read_barcodes(printed(event, layout="a4-21", qr=True)[0].render(scale=3).to_pil())
    tickets = {ticket_text(registration) for registration in everybody(event)}
    assert {code.text for code in found} == tickets


# --- Sheets ------------------------------------------------------------------------------------------------------


def test_a_half_used_sheet_is_used_up_and_people_come_by_name() -> None:
    event = make.event(title="E", capacity=None)
    for name in ("Zoe", "Adam", "élise", "Omar", "Bea", "Dan", "Finn", "Gus"):
        make.confirmed(event, full_name=name)
    sheet = LAYOUTS["a4-10"]
    document = printed(event, layout="a4-10", start=4)
    assert [text_at(document[0], sheet, place) for place in range(10)] == [
        "", "", "", "E Adam", "E Bea", "E Dan", "E élise", "E Finn", "E Gus", "E Omar",
    ]  # fmt: skip
    assert [text_at(document[1], sheet, place) for place in range(10)] == ["E Zoe", *[""] * 9]


def test_more_than_fit_in_a_file_are_got_in_parts_that_go_on_where_the_last_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST", 25)  # two sheets of ten
    event = make.event(title="E", capacity=None)
    for number in range(22):
        make.confirmed(event, full_name=f"P{number:02}")
    with pytest.raises(InvalidError) as refused:
        printed(event, layout="a4-10")
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/page", "too_many")]
    sheet = LAYOUTS["a4-10"]

    def part(**wanted: Any) -> list[list[str]]:
        document = printed(event, layout="a4-10", **wanted)
        return [[text_at(page, sheet, place).removeprefix("E ") for place in range(10)] for page in document]

    everyone = [f"P{number:02}" for number in range(22)]
    assert part(page=1) == [everyone[:10], everyone[10:20]]
    assert part(page=2) == [[*everyone[20:], *[""] * 8]]
    assert part(page=1, start=10) == [[*[""] * 9, "P00"], everyone[1:11]]
    assert part(page=2, start=10) == [everyone[11:21], ["P21", *[""] * 9]]
    with pytest.raises(NotFoundError):
        part(page=3)


@pytest.mark.parametrize(("most", "fits"), [(20, True), (19, False)])
def test_as_many_as_a_file_holds_need_no_parts(monkeypatch: pytest.MonkeyPatch, most: int, *, fits: bool) -> None:
    monkeypatch.setattr(module, "MOST", most)
    event = make.event(capacity=None)
    for _number in range(20):
        make.confirmed(event)
    if fits:
        assert len(printed(event)) == 20
    else:
        with pytest.raises(InvalidError):
            printed(event)


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ({"layout": "a5"}, ("/layout", "invalid_choice")),
        ({"layout": "a4-21", "start": 22}, ("/start", "out_of_range")),
        ({"layout": "a6", "start": 2}, ("/start", "out_of_range")),
    ],
)
def test_what_makes_no_sense_is_said_where(wanted: dict[str, Any], fault: tuple[str, str]) -> None:
    event = make.confirmed(make.event()).event
    with pytest.raises(InvalidError) as refused:
        printed(event, **wanted)
    assert [(each.pointer, each.code) for each in refused.value.faults] == [fault]


def test_a_file_and_another_events_question_stand_on_no_badge() -> None:
    event, (file,) = make.asking(QuestionDraft("Passport", "file"))
    _other, (foreign,) = make.asking(QuestionDraft("Company", "text"))
    make.confirmed(event)
    for question in (file, foreign):
        with pytest.raises(InvalidError) as refused:
            printed(event, question=question.key)
        assert [(each.pointer, each.code) for each in refused.value.faults] == [("/question", "does_not_exist")]


def test_of_nobody_there_is_no_file() -> None:
    with pytest.raises(ConflictError) as refused:
        printed(make.event())
    assert refused.value.code == "nobody"


def test_many_badges_ask_the_database_as_little_as_one() -> None:
    def queries(count: int) -> int:
        event, (question,) = make.asking(QuestionDraft("Company", "text"), capacity=None)
        for _number in range(count):
            make.confirmed(event, answers={str(question.key): "X"})
        event = Event.objects.get(pk=event.pk)
        with CaptureQueriesContext(connection) as asked:
            printed(event, layout="a4-21", qr=True, question=question.key)
        return len(asked)

    queries(1)  # the key that signs is read once
    assert queries(1) == queries(4)


def test_other_documents_do_not_wait_for_badges() -> None:
    _compiler, lock = pdf._compiler(module._SOURCE)
    made: list[bytes] = []
    other = threading.Thread(target=lambda: made.append(pdf.typeset(pdf._NOTHING, {})), daemon=True)
    with lock:  # as while badges are made
        other.start()
        other.join(timeout=20)
        assert [document[:4] for document in made] == [b"%PDF"]


def test_a_file_is_called_after_its_event() -> None:
    event = make.event(title='Go: "C/C++" \\ <x>')
    assert file_name(event, Wanted()) == "Go C C++ x .pdf".replace(" .", ".")
    assert file_name(event, Wanted(page=2)) == "Go C C++ x, 2.pdf"
