"""The command against a real HTTP server that knows the truth, and spoils it where it is told to."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from imaging.product_options import PhotoOptions
from perf.quality import cases, run
from perf.quality.figures import Bytes, box
from perf.quality.measure import AS_IS, WHITE, decoded, options
from perf.quality.run import Plan
from perf.quality.service import RefusedError, connected
from training.scenes.dataset import Plan as Scenes
from training.scenes.dataset import generate

ROOT = Path(__file__).resolve().parents[2]
CATEGORIES = 12


@dataclass
class Studio:
    """Answers by the photo's bytes: the true cut-out and its true shadow. `shift` displaces what it places, `grown`
    is by how many pixels its mattes are too large; `status` refuses everything.
    """

    truth: dict[bytes, tuple[Bytes, Bytes]]
    shift: float = 0.0
    grown: int = 0
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, parts: dict[str, bytes]) -> bytes:
        self.asked.append(path)
        cut, shadow = self.truth[parts["image"]]
        if self.grown:
            cut = cut.copy()
            cut[..., 3] = cv2.dilate(cut[..., 3], np.ones((2 * self.grown + 1,) * 2, np.uint8))
        if path == "/remove-background":
            return png(cut)
        options = json.loads(parts["options"])
        if options["place"]["subject"] == "placed":
            cut = placed(cut, options["place"]["size"], self.shift)
            shadow = np.zeros(cut.shape[:2], np.uint8)
        if options["ground"]["color"] is None:
            return png(cut)
        assert options["ground"]["color"] == "#FFFFFFFF"
        return png(whole(cut, shadow if options["shadow"]["kind"] == "dual" else np.zeros_like(shadow)))


def png(pixels: Bytes) -> bytes:
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return bytes(cv2.imencode(".png", pixels[..., order])[1].tobytes())


def placed(cut: Bytes, size: list[int], shift: float) -> Bytes:
    found = box(cut[..., 3])
    assert found is not None
    left, top, right, low = found
    scale = 0.8 * min(size[0] / (right - left), size[1] / (low - top))
    x, y = size[0] / 2 - (left + right) / 2 * scale + shift, size[1] / 2 - (top + low) / 2 * scale
    turn = np.array([[scale, 0, x + scale / 2 - 0.5], [0, scale, y + scale / 2 - 0.5]])
    return np.asarray(cv2.warpAffine(cut, turn, (size[0], size[1]), flags=cv2.INTER_LINEAR), np.uint8)


def whole(cut: Bytes, shadow: Bytes) -> Bytes:
    share = cut[..., 3:] / 255
    ground = 255 * ((1 - shadow[..., None] / 255) ** (1 / 2.2))
    return np.asarray(cut[..., :3] * share + ground * (1 - share) + 0.5).astype(np.uint8)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("booth")
    generate(Scenes(folder, 5, 160, booth=True), CATEGORIES, workers=1)
    return folder


@pytest.fixture
def studio(scenes: Path) -> Iterator[tuple[Studio, str]]:
    truth = {}
    for case in cases.scenes(scenes, 1):
        colours = case.colours()
        assert colours is not None
        assert case.scene is not None
        shadow = cases.read(scenes / case.scene.shadow, cv2.IMREAD_GRAYSCALE)
        truth[case.photo.read_bytes()] = colours, shadow
    known = Studio(truth)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            whole_ = message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
            fields = {
                str(p.get_param("name", header="content-disposition")): p.get_payload(decode=True)
                for p in whole_.walk()
                if not p.is_multipart()
            }
            parts = {name: value for name, value in fields.items() if isinstance(value, bytes)}
            data = known.answer(self.path, parts) if known.status == 200 else b"nothing found"
            self.send_response(known.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield known, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def plan(scenes: Path, folder: Path, commit: str) -> Plan:
    return Plan(scenes, None, 1, folder / "report", folder / "results", commit)


def test_the_truth_itself_scores_high_and_is_shown(scenes: Path, studio: tuple[Studio, str], tmp_path: Path) -> None:
    with connected(studio[1]) as service:
        assert run.run(plan(scenes, tmp_path, "aaa"), service, lambda _: None) == []
    kept = json.loads((tmp_path / "results/aaa.json").read_text())
    assert kept["count"] == CATEGORIES
    assert kept["refused"] == 0
    assert len(kept["categories"]) == CATEGORIES
    assert kept["scores"]["overall"] > 9
    assert kept["scores"]["white_on_white"] == 10
    assert kept["scores"]["edge_quality"] == 10
    assert kept["categories"]["lens"]["halo"] == 0
    text = (tmp_path / "report/index.html").read_text()
    assert "first measured on these pictures" in text
    shown = sorted(path.name for path in (tmp_path / "report/pictures").iterdir())
    assert len(shown) == 5 * CATEGORIES
    assert all(f"pictures/{name}" in text for name in shown)


def test_a_worse_version_is_seen(scenes: Path, studio: tuple[Studio, str], tmp_path: Path) -> None:
    known, url = studio
    with connected(url) as service:
        run.run(plan(scenes, tmp_path, "aaa"), service, lambda _: None)
        known.grown, known.shift = 4, 40.0
        fallen = run.run(plan(scenes, tmp_path, "bbb"), service, lambda _: None)
        assert any(line.startswith("edge_quality fell from 10.00") for line in fallen)
        assert any(line.startswith("centring_accuracy fell") for line in fallen)
        known.grown, known.shift = 0, 0.0
        assert run.run(plan(scenes, tmp_path, "ccc"), service, lambda _: None) == []
    report = (tmp_path / "report/index.html").read_text()
    assert "compared with bbb" in report


def test_a_refused_picture_has_no_points_and_its_reason(
    scenes: Path, studio: tuple[Studio, str], tmp_path: Path
) -> None:
    known, url = studio
    known.status = 422
    told: list[str] = []
    with connected(url) as service:
        run.run(plan(scenes, tmp_path, "aaa"), service, lambda result: told.append(result.refused))
    assert told == ["/remove-background answers 422: nothing found"] * CATEGORIES
    kept = json.loads((tmp_path / "results/aaa.json").read_text())
    assert kept["refused"] == CATEGORIES
    assert kept["scores"]["overall"] == 0


def test_shadows_are_compared_only_where_something_stands(scenes: Path) -> None:
    found = {one.category: one for one in cases.scenes(scenes, 1)}
    lens, strap = found["lens"], found["strap"]
    assert lens.throw is not None
    asked = json.loads(options(AS_IS, WHITE, lens.throw))
    assert asked["shadow"] == {"kind": "dual", **lens.throw.model_dump(exclude={"flat"})}
    PhotoOptions.model_validate_json(json.dumps(asked))
    assert strap.throw is None
    assert strap.shadow() is None


def test_photos_have_masks_and_no_more(studio: tuple[Studio, str], scenes: Path, tmp_path: Path) -> None:
    first = cases.scenes(scenes, 1)[0]
    (tmp_path / "shot.jpg").write_bytes(first.photo.read_bytes())
    (tmp_path / "shot.mask.png").write_bytes(first.mask.read_bytes())
    (tmp_path / "alone.jpg").write_bytes(first.photo.read_bytes())
    only = Plan(None, tmp_path, 1, tmp_path / "report", tmp_path / "results", "aaa")
    with connected(studio[1]) as service:
        run.run(only, service, lambda _: None)
    kept = json.loads((tmp_path / "results/aaa.json").read_text())
    assert kept["count"] == 1
    assert kept["categories"]["photo"]["iou"] == 1
    assert kept["categories"]["photo"]["halo"] is None
    assert kept["scores"]["shadow_quality"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to measure on"),
        (["--scenes", "/nowhere"], "no booth scenes"),
        (["--photos", "/nowhere"], "no NAME.jpg with a NAME.mask.png"),
    ],
)
def test_the_command_says_what_is_missing(arguments: list[str], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "perf", "quality", "--service", "http://127.0.0.1:9", "--report", str(tmp_path)]
    done = subprocess.run(
        [*command, "--results", str(tmp_path), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr


def test_a_service_that_is_not_there_ends_it(scenes: Path, tmp_path: Path) -> None:
    with connected("http://127.0.0.1:9") as service, pytest.raises(cases.QualityError, match="cannot be reached"):
        run.run(plan(scenes, tmp_path, "aaa"), service, lambda _: None)
    assert not (tmp_path / "results").exists()


def test_other_data_sets_are_refused(tmp_path: Path) -> None:
    generate(Scenes(tmp_path, 5, 64), 1, workers=1)
    with pytest.raises(cases.QualityError, match="is not of booth scenes: foreground"):
        cases.scenes(tmp_path, 1)


def test_answers_that_are_no_pictures_are_refused() -> None:
    for data in (b"", b"text"):
        with pytest.raises(RefusedError, match="no picture"):
            decoded(data, cv2.IMREAD_COLOR_RGB)
