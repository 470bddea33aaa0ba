"""`python -m gateway.cli route` against the gateway on a real server: results, manifest, what is sent and said."""

import asyncio
import csv
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore
from pyarrow import parquet

from gateway.app import create_app
from gateway.cli.__main__ import main
from gateway.errors import PipelineDownError
from gateway.inference import Tensors
from tests.gateway.fakes import FakeFetcher, picture
from tests.gateway.recipes import MADE, ROUTES, SERVED, Kitchen, settings_in, write
from tests.gateway.servers import listening

ROOT = Path(__file__).parents[2]
PHOTOS = {"tray.jpg": "red", "soups/dish.jpg": "green", "odd.png": "blue"}


@dataclass
class Known(Kitchen):
    """Knows photos by their bytes; the blue one is for review, and what it does not know it cannot finish."""

    colours: Mapping[bytes, str] = field(default_factory=dict)

    async def call(self, model: str, inputs: Mapping[str, bytes], outputs: Sequence[str], request_id: str) -> Tensors:
        colour = self.colours.get(inputs["image"])
        if colour is None:
            raise PipelineDownError("the keyword 'x' goes to main_cutout: cutout_main is not served", retry_after_s=1)
        self.keyword = colour
        self.route = "review" if colour == "blue" else "step_cutout"
        self.made = b"" if colour == "blue" or b"dry_run" in inputs["options"] else MADE
        return await super().call(model, inputs, outputs, request_id)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    for name, colour in PHOTOS.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(name, colour))
    (made / "notes.md").write_text("no photo")
    return made


def photo(name: str, colour: str) -> bytes:
    return picture(9, 7, "PNG" if name.endswith("png") else "JPEG", colour)


@pytest.fixture
def kitchen() -> Known:
    return Known(inventory_now=SERVED, colours={photo(name, colour): colour for name, colour in PHOTOS.items()})


@pytest.fixture
async def url(tmp_path: Path, kitchen: Known) -> AsyncIterator[str]:
    settings = settings_in(tmp_path)
    app = create_app(settings, kitchen, MemoryStore(), FakeFetcher({}))
    async with listening(app, settings) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "finished"


async def call(url: str, out: Path, *words: object) -> int:
    given = ["route", "--url", url, "--out", str(out), "--tries", "1", *map(str, words)]
    try:
        return await asyncio.to_thread(main, given)
    except SystemExit as stop:  # argparse's own way
        return int(str(stop.code))


def files(out: Path) -> set[str]:
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    return found - {"route.jsonl", "manifest.csv", "manifest.parquet"}


def manifest(out: Path) -> dict[str, dict[str, Any]]:
    """The rows by the photos' file names; both files say the same."""
    rows = parquet.read_table(out / "manifest.parquet").to_pylist()
    with (out / "manifest.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows] == written
    return {row["photo"].rpartition("/")[2]: row for row in rows}


async def test_every_photo_goes_its_way_and_stands_in_the_manifest(
    url: str, kitchen: Known, folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await call(url, out, folder) == 0
    assert files(out) == {"tray.png", "soups/dish.png"}
    assert (out / "tray.png").read_bytes() == MADE
    rows = manifest(out)
    assert list(rows["tray.jpg"]) == [
        *("photo", "state", "keyword", "confidence", "route", "reason", "result", "needs_review", "error", "request_id")
    ]
    assert (rows["dish.jpg"]["keyword"], rows["dish.jpg"]["result"]) == ("green", "soups/dish.png")
    assert rows["dish.jpg"]["confidence"] == pytest.approx(99.98)
    odd = rows["odd.png"]
    assert (odd["route"], odd["result"], odd["needs_review"], odd["state"]) == ("review", "", True, "done")
    said = capsys.readouterr().err
    assert f"look at: {folder / 'odd.png'} (blue, 100.0 %)" in said
    assert "1 red -> step_cutout" in said
    assert "3 routed, 0 there already, 0 failed, 1 to look at" in said
    assert len(kitchen.calls) == 3


async def test_what_is_there_is_not_sent_again_until_the_photo_or_the_rules_change(
    url: str, kitchen: Known, folder: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await call(url, out, folder) == 0
    assert await call(url, out, folder) == 0
    assert "0 routed, 3 there already" in capsys.readouterr().err
    assert {row["state"] for row in manifest(out).values()} == {"skipped"}
    assert manifest(out)["odd.png"]["route"] == "review"
    assert len(kitchen.calls) == 3
    (out / "tray.png").unlink()
    assert await call(url, out, folder) == 0
    assert "1 routed, 2 there already" in capsys.readouterr().err
    kitchen.rules = write(tmp_path, ROUTES.replace("step_cutout", "main_cutout"))
    assert await call(url, out, folder) == 0
    assert "3 routed, 0 there already" in capsys.readouterr().err
    assert await call(url, out, folder, "--review-below", 0.1) == 0
    assert "3 routed" in capsys.readouterr().err
    assert await call(url, out, folder, "--review-below", 0.1, "--force") == 0
    assert "3 routed" in capsys.readouterr().err


async def test_flags_become_the_options_of_the_request(url: str, kitchen: Known, folder: Path, out: Path) -> None:
    words = ["--keyword", "tray", "--review-below", "0.25", "--format", "webp", "--quality", "50", "--dry-run"]
    assert await call(url, out, folder / "tray.jpg", *words) == 0
    assert json.loads(kitchen.inputs[0]["options"]) == {
        "keyword": "tray",
        "review_below": 0.25,
        "encode": {"format": "webp", "quality": 50},
        "dry_run": True,
    }
    assert not files(out)
    assert manifest(out)["tray.jpg"]["route"] == "step_cutout"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{photos}", "--review-below", "60"], "review_below: Input should be less than or equal to 1"),
        (["{photos}", "--format", "gif"], "encode.format: Input should be 'png'"),
        (["{photos}", "--jobs", "0"], "1 to 64 expected"),
        (["{photos}/empty"], "no pictures"),
        (["{photos}/nothing"], "is neither a photo nor a folder"),
        (["ftp://host/photos"], "s3://, az://, gs:// or file:// with a bucket or folder expected"),
        (["s3://"], "with a bucket or folder expected"),
    ],
)
async def test_what_cannot_be_done_is_said_before_anything_is_sent(
    url: str,
    kitchen: Known,
    folder: Path,
    out: Path,
    *,
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "empty").mkdir()
    assert await call(url, out, *(word.replace("{photos}", str(folder)) for word in words)) == 2
    assert said in capsys.readouterr().err
    assert not kitchen.calls


async def test_a_failure_costs_one_photo_and_is_tried_again(
    url: str, folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "unknown.jpg").write_bytes(picture(3, 3, "JPEG", "white"))
    assert await call(url, out, folder) == 1
    rows = manifest(out)
    assert rows["broken.jpg"]["error"].startswith("HTTP 415: this is not a picture")
    assert rows["unknown.jpg"]["error"] == "HTTP 503: the keyword 'x' goes to main_cutout: cutout_main is not served"
    assert (rows["broken.jpg"]["state"], rows["broken.jpg"]["confidence"]) == ("failed", None)
    assert "3 routed, 0 there already, 2 failed" in capsys.readouterr().err
    (folder / "broken.jpg").unlink()
    (folder / "unknown.jpg").unlink()
    assert await call(url, out, folder) == 0


async def test_a_routing_file_that_turned_bad_is_said(
    url: str, kitchen: Known, folder: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await call(url, out, folder) == 0
    write(tmp_path, "version: 2")
    assert await call(url, out, folder) == 0
    said = capsys.readouterr().err
    assert "the routing file is wrong, the one before it is in force: routes.yaml, line 1" in said
    assert len(kitchen.calls) == 3, "the rules are the same"


async def test_a_prefix_of_a_store_is_read_and_what_is_done_there_is_not_read_again(
    url: str, kitchen: Known, folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = f"file://{folder}"
    assert await call(url, out, prefix) == 0
    assert files(out) == {"tray.png", "soups/dish.png"}
    assert manifest(out)["dish.jpg"]["photo"] == f"{prefix}/soups/dish.jpg"
    for path in ("tray.jpg", "soups/dish.jpg", "odd.png"):
        (folder / path).chmod(0o000)
    assert await call(url, out, prefix) == 0
    assert "0 routed, 3 there already" in capsys.readouterr().err
    assert len(kitchen.calls) == 3


async def test_a_store_that_cannot_be_listed_is_said(
    url: str, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await call(url, out, f"file://{tmp_path}/nowhere") == 1
    assert f"error: file://{tmp_path}/nowhere:" in capsys.readouterr().err


async def test_without_a_gateway_nothing_is_begun(folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert await call(address, out, folder) == 1
    assert "cannot be reached" in capsys.readouterr().err


async def test_ctrl_c_leaves_a_manifest_and_the_next_run_goes_on(
    url: str, kitchen: Known, folder: Path, out: Path
) -> None:
    known = dict(kitchen.colours)
    for number in range(12):
        data = picture(4 + number, 4, "JPEG", "red")
        (folder / f"{number}.jpg").write_bytes(data)
        known[data] = "red"
    kitchen.colours, kitchen.delay_s = known, 0.3
    words = [sys.executable, "-m", "gateway.cli", "route", "--url", url, "--out", out, "--jobs", "2", folder]
    command = await asyncio.create_subprocess_exec(*map(str, words), stderr=subprocess.PIPE, cwd=ROOT)
    while len(kitchen.calls) < 5:
        assert command.returncode is None
        await asyncio.sleep(0.02)
    command.send_signal(signal.SIGINT)
    _, said = await asyncio.wait_for(command.communicate(), 30)
    assert command.returncode == 130, said
    assert b"the same command goes on from here" in said
    assert b"Traceback" not in said
    states = [row["state"] for row in manifest(out).values()]
    assert len(states) == 15
    assert {"done", "not_sent"} == set(states)
    kitchen.delay_s = 0
    sent = len(kitchen.calls)
    assert await call(url, out, folder) == 0
    assert {row["state"] for row in manifest(out).values()} == {"done", "skipped"}
    assert len(kitchen.calls) - sent <= states.count("not_sent") + 2
