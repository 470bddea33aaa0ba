"""`python -m gateway.cli process` against a real server: what lies in the folder afterwards, what is said and sent."""

import asyncio
import csv
import io
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from gateway.cli.__main__ import main
from tests.gateway.fakes import picture
from tests.gateway.servers import answer
from tests.gateway.shop import Shop, line, problem, running

ROOT = Path(__file__).parents[2]
COLOURS = ("red", "green", "blue")


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    with running(shop) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    for number, colour in enumerate(COLOURS):
        path = made / ("" if number else "lenses") / f"{colour}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(9, 7, "JPEG", colour))
    (made / "notes.md").write_text("no photo")
    (made / "._red.jpg").write_bytes(b"what a Mac leaves behind")
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "shop"


def call(url: str, out: Path, *words: object) -> int:
    return main(["process", "--url", url, "--out", str(out), *map(str, words)])


def files(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} - {
        "process.jsonl",
        "summary.json",
        "summary.csv",
    }


def height_of(path: Path) -> int:
    with Image.open(path) as image:
        image.load()
        return image.height


def told(out: Path) -> dict[str, dict[str, object]]:
    found = json.loads((out / "summary.json").read_text())
    return {Path(row["photo"]).name: row for row in found["photos"]}


def test_every_photo_has_its_result_where_the_photo_was(url: str, shop: Shop, folder: Path, out: Path) -> None:
    assert call(url, out, folder, "--shadow") == 0
    assert files(out) == {"lenses/red.png", "green.png", "blue.png"}
    with Image.open(out / "lenses/red.png") as image:
        pixel = image.convert("RGB").getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200
    assert pixel[1] < 60
    assert {(one.route, one.options) for one in shop.calls} == {("/process", '{"shadow":{"kind":"dual"}}')}
    assert {one.name for one in shop.calls} == {"red.jpg", "green.jpg", "blue.jpg"}


@pytest.mark.parametrize(
    ("words", "route", "options"),
    [
        ([], "/process", {}),
        (["--cutout-only", "--erosion", "1.5"], "/remove-background", {"refine": {"erosion": 1.5}}),
        (["--background", "transparent"], "/process", {"ground": {"color": None}}),
        (
            ["--background", "FFF", "--size", "800x600"],
            "/process",
            {"ground": {"color": "#FFFFFFFF"}, "place": {"size": [800, 600]}},
        ),
        (
            ["--template", "sale", "--field", "price=9 = nine", "--field", "title=", "--format", "webp"],
            "/process-full",
            {"template": {"name": "sale", "fields": {"price": "9 = nine", "title": ""}}, "encode": {"format": "webp"}},
        ),
        (["--field", "title=A"], "/process-full", {"template": {"fields": {"title": "A"}}}),
        (["--template", "bar", "--no-reserve"], "/process-full", {"template": {"name": "bar", "reserve": False}}),
        (
            ["--options", '{"shadow": {"kind": "drop", "opacity": 0.2}}', "--shadow-kind", "floating"],
            "/process",
            {"shadow": {"kind": "floating", "opacity": 0.2}},
        ),
    ],
)
def test_flags_become_route_and_options(
    url: str, shop: Shop, folder: Path, out: Path, *, words: list[str], route: str, options: dict[str, object]
) -> None:
    assert call(url, out, folder / "green.jpg", *words) == 0
    (sent,) = shop.calls
    assert (sent.route, json.loads(sent.options)) == (route, options)


def test_a_picture_of_the_ground_is_sent_along(url: str, shop: Shop, folder: Path, out: Path) -> None:
    assert call(url, out, folder / "green.jpg", "--background-picture", folder / "blue.jpg") == 0
    assert list(json.loads(shop.calls[0].options)["ground"]) == ["picture"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{photos}", "--quality", "101"], "encode.quality: Input should be less than or equal to 100"),
        (["{photos}", "--quality", "high"], "invalid int value"),
        (["{photos}", "--background", "blueish"], "ground.color"),
        (["{photos}", "--cutout-only", "--shadow"], "shadow: Extra inputs are not permitted"),
        (["{photos}", "--options", "{}x"], "a file of JSON, or JSON, expected"),
        (["{photos}", "--options", "{photos}/list.json"], "a JSON object expected"),
        (["{photos}", "--field", "title"], "NAME=TEXT expected"),
        (["{photos}", "--jobs", "0"], "1 to 64 expected, not '0'"),
        (["{photos}/nothing.jpg"], "is neither a photo nor a folder"),
        (["{photos}/*.tif"], "no pictures"),
        (["{photos}", "--background-picture", "{photos}/no.png"], "No such file"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_sent(
    url: str, shop: Shop, folder: Path, out: Path, *, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "list.json").write_text("[1]")
    try:
        status = call(url, out, *(word.replace("{photos}", str(folder)) for word in words))
    except SystemExit as stop:  # argparse's own way
        status = int(str(stop.code))
    assert status == 2
    assert said in capsys.readouterr().err
    assert not shop.calls


def test_what_is_there_is_not_asked_for_again(url: str, shop: Shop, folder: Path, out: Path) -> None:
    assert call(url, out, folder) == 0
    assert len(shop.calls) == 3
    assert call(url, out, folder) == 0
    assert len(shop.calls) == 3
    assert {row["state"] for row in told(out).values()} == {"skipped"}
    (folder / "blue.jpg").write_bytes(picture(5, 5, "JPEG", "black"))
    (out / "green.png").write_bytes(b"cut off")
    assert call(url, out, folder) == 0
    assert {one.name for one in shop.calls[3:]} == {"blue.jpg", "green.jpg"}
    assert call(url, out, folder, "--format", "webp") == 0
    assert len(shop.calls) == 8
    assert call(url, out, folder, "--format", "webp", "--force") == 0
    assert len(shop.calls) == 11


def test_a_ledger_that_was_cut_off_costs_one_photo(url: str, shop: Shop, folder: Path, out: Path) -> None:
    assert call(url, out, folder) == 0
    ledger = out / "process.jsonl"
    ledger.write_text(ledger.read_text()[:-20])
    assert call(url, out, folder) == 0
    assert len(shop.calls) == 4
    assert call(url, out, folder) == 0
    assert len(shop.calls) == 4


def test_failures_and_doubts_are_told(
    url: str, shop: Shop, folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.jpg").write_bytes(b"no picture")
    shop.unsure = {"green.jpg": 0.61, "blue.jpg": 0.84}
    assert call(url, out, folder) == 1
    said = capsys.readouterr().err
    assert f"failed: {folder / 'broken.jpg'}: HTTP 422: the picture cannot be read" in said
    assert said.index("look at: blue.png (uncertainty 0.84)") < said.index("look at: green.png (uncertainty 0.61)")
    assert "3 processed, 0 there already, 1 failed, 2 to look at" in said
    counts = json.loads((out / "summary.json").read_text())["counts"]
    assert counts == {"done": 3, "skipped": 0, "failed": 1, "not_sent": 0, "needs_review": 2}
    assert told(out)["blue.jpg"]["uncertainty"] == 0.84
    assert told(out)["broken.jpg"]["error"] == "HTTP 422: the picture cannot be read"
    rows = list(csv.DictReader(io.StringIO((out / "summary.csv").read_text())))
    assert [row["state"] for row in rows].count("failed") == 1
    assert call(url, out, folder) == 1, "what failed is tried again, and what is there is still in doubt"
    assert "look at: blue.png" in capsys.readouterr().err


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_gateway_is_asked_again_when_it_says(url: str, shop: Shop, folder: Path, out: Path, status: int) -> None:
    shop.problems = [problem(status, "too much to do", "1")]
    start = time.monotonic()
    assert call(url, out, folder / "green.jpg", "--tries", 2) == 0
    assert time.monotonic() - start >= 1
    assert len(shop.calls) == 2


def test_a_gateway_that_stays_busy_is_given_up(url: str, shop: Shop, folder: Path, out: Path) -> None:
    shop.problems = [problem(503, "the network is not served", "0")] * 3
    assert call(url, out, folder / "green.jpg", "--tries", 3) == 1
    assert len(shop.calls) == 3
    assert told(out)["green.jpg"]["error"] == "HTTP 503: the network is not served"


def test_without_a_gateway_the_rest_is_not_sent(folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert call(url, out, folder, "--tries", 1, "--jobs", 1) == 1
    assert "1 failed, 2 not sent" in capsys.readouterr().err
    assert not files(out)


async def test_a_connection_that_breaks_is_made_again(folder: Path, out: Path) -> None:
    good = answer(picture(), headers="Content-Type: image/png\r\n")
    async with line(b"", good) as url:
        assert await asyncio.to_thread(call, url, out, folder / "green.jpg", "--tries", 2) == 0
    assert told(out)["green.jpg"]["uncertainty"] is None
    assert (out / "green.png").read_bytes() == picture()


async def test_an_answer_that_is_cut_off_leaves_no_result(folder: Path, out: Path) -> None:
    good = answer(picture(), headers="Content-Type: image/png\r\n")
    async with line(good[:-9]) as url:
        assert await asyncio.to_thread(call, url, out, folder / "green.jpg", "--tries", 1) == 1
    assert not files(out)


def test_an_answer_that_is_no_picture_is_a_failure(url: str, shop: Shop, folder: Path, out: Path) -> None:
    shop.media_type = "text/html"
    assert call(url, out, folder / "green.jpg") == 1
    assert "no picture but text/html" in str(told(out)["green.jpg"]["error"])
    assert not files(out)


def test_a_result_that_cannot_be_written_leaves_nothing_half(url: str, folder: Path, out: Path) -> None:
    (out / "green.png").mkdir(parents=True)
    assert call(url, out, folder) == 1
    assert files(out) == {"lenses/red.png", "blue.png"}


def test_no_more_photos_than_jobs_are_on_their_way(url: str, shop: Shop, folder: Path, out: Path) -> None:
    for number in range(9):
        (folder / f"{number}.jpg").write_bytes(picture(4, 4, "JPEG"))
    shop.delay_s = 0.05
    assert call(url, out, folder, "--jobs", 3) == 0
    assert shop.most_running == 3
    assert len(shop.calls) == 12


def test_ctrl_c_ends_cleanly_and_the_next_run_goes_on(url: str, shop: Shop, folder: Path, out: Path) -> None:
    for number in range(20):
        (folder / f"{number}.jpg").write_bytes(picture(4 + number, 4, "JPEG"))
    shop.delay_s = 0.2
    words = [sys.executable, "-m", "gateway.cli", "process", "--url", url, "--out", out, "--jobs", "2", folder]
    with subprocess.Popen(list(map(str, words)), stderr=subprocess.PIPE, text=True, cwd=ROOT) as command:
        while len(shop.calls) < 5:
            assert command.poll() is None
            time.sleep(0.02)
        command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=30)
    assert command.returncode == 130, said
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
    made = files(out)
    assert 2 <= len(made) < 23
    assert {height_of(out / name) for name in made} <= {4, 7}
    assert json.loads((out / "summary.json").read_text())["counts"]["not_sent"] >= 23 - len(made)
    shop.delay_s, sent = 0, len(shop.calls)
    assert call(url, out, folder) == 0
    assert len(files(out)) == 23
    assert len(shop.calls) - sent <= 23 - len(made) + 2


def test_a_folder_that_cannot_be_made_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("http://127.0.0.1:9", folder / "notes.md" / "shop", folder) == 2
    assert "--out" in capsys.readouterr().err
