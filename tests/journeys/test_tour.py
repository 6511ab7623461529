"""docs/tour.md, run as it stands by a shell against the demo: what it shows is what happens."""

import os
import re
import subprocess
from pathlib import Path

import httpx
import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from tests.support.demo import Demo
from tests.support.tools import needs_curl

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.servers,
    pytest.mark.xdist_group("tour"),
    needs_curl,
]


def test_the_tour_is_what_happens(demo: Demo, tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/tour.md").read_text(), re.DOTALL)
    environment = {"PATH": os.environ["PATH"], "SITE": demo.address}
    command = ["sh", "-eu", "-c", "\n".join(blocks)]
    told = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=90
    )
    assert told.stderr == ""
    lines = told.stdout.splitlines()
    workshops = [line for line in lines if re.match(r"\d{4}-\d\d-\d\dT\S+ \S+ ", line)]
    assert workshops  # how many this week has depends on its day
    said = lines[len(workshops) :]
    ticket = said[3]
    assert ticket.startswith("T1.")
    assert said == [
        "1",
        "pending",
        "confirmed",
        ticket,
        "pending",
        "pending",
        "confirmed",
        "waitlisted",
        "1",
        ticket,
        "cancelled",
        "confirmed",
        "Une place pour vous : Réparer son ordinateur portable, une vis à la fois",
    ]
    page = pypdfium2.PdfDocument(tmp_path / "ticket.pdf")[0].render(scale=3).to_pil()
    codes = [zxingcpp.read_barcode(picture) for picture in (Image.open(tmp_path / "ticket.png"), page)]
    assert [code and code.text for code in codes] == [ticket, ticket]


def test_the_demo_shows_its_pages(demo: Demo) -> None:
    for path in ("/", "/mail/", "/api/docs/", "/admin/login/", "/static/web/style.css"):
        assert httpx.get(f"{demo.address}{path}").status_code == 200
