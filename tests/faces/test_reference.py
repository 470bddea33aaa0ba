"""Real photographs and real weights: the faces that facenet-pytorch's own MTCNN finds, as record.py wrote them down."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging import cascade
from imaging.cascade import Networks, Search
from imaging.face_settings import Settings
from imaging.faces import Faces
from tests.faces import networks, photographs

# Many faces, one, a few pixels, and none at all.
TOGETHER = ("astronaut", "small", "odd", "several", "coffee", "noise", "strip", "least")
ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("answers.json").read_text())["pictures"]


@pytest.fixture(scope="module")
def mtcnn(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    return networks.sessions(networks.exported(tmp_path_factory.mktemp("repository")))


def find(mtcnn: Networks, *searches: Search, settings: Settings | None = None) -> list[Faces]:
    return asyncio.run(cascade.find(searches, mtcnn, settings or Settings()))


def assert_found(found: Faces, wanted: dict[str, Any], box: float = 0.02, score: float = 1e-5) -> None:
    """Two pixels and a thousandth are promised; the arithmetic is the same, so it comes to far less."""
    assert len(found) == len(wanted["scores"])
    assert found.boxes == pytest.approx(np.reshape(wanted["boxes"], (-1, 4)), abs=box)
    assert found.scores == pytest.approx(np.array(wanted["scores"]), abs=score)
    assert found.landmarks == pytest.approx(np.reshape(wanted["landmarks"], (-1, 5, 2)), abs=box)


def test_every_picture_has_its_answer() -> None:
    assert ANSWERS.keys() == photographs.PICTURES.keys()
    assert [len(ANSWERS[name]["scores"]) for name in ("astronaut", "several", "crowd", "coffee")] == [1, 12, 25, 0]


@pytest.mark.parametrize("name", photographs.PICTURES)
def test_the_faces_are_those_of_facenet_pytorch(name: str, mtcnn: Networks) -> None:
    pixels = photographs.pixels(name)
    assert photographs.digest(pixels) == ANSWERS[name]["sha256"], "another picture than the one that was recorded"
    (found,) = find(mtcnn, Search(pixels))
    assert_found(found, ANSWERS[name])


def test_pictures_searched_together_do_not_notice_each_other(mtcnn: Networks) -> None:
    together = find(mtcnn, *(Search(photographs.pixels(name)) for name in TOGETHER))
    for found, name in zip(together, TOGETHER, strict=True):
        assert_found(found, ANSWERS[name])


def test_a_region_is_searched_as_if_it_were_the_picture(mtcnn: Networks) -> None:
    (found,) = find(mtcnn, Search(photographs.pixels("astronaut"), photographs.REGION))
    x, y = photographs.REGION[:2]
    assert_found(found.moved(-x, -y), ANSWERS["region"])


def test_a_picture_too_large_for_running_sums_of_the_whole_has_the_same_faces(
    mtcnn: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imaging.area.SHARED", 20_000)
    (found,) = find(mtcnn, Search(photographs.pixels("several")))
    assert_found(found, ANSWERS["several"])


def test_larger_faces_alone_are_found_with_a_larger_smallest_size(mtcnn: Networks) -> None:
    (found,) = find(mtcnn, Search(photographs.pixels("several")), settings=Settings(smallest=60))
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1)
    all_sides = np.ptp(np.reshape(ANSWERS["several"]["boxes"], (-1, 2, 2)), axis=1).max(axis=1)
    assert 0 < len(found) < 12
    assert sides.min() > all_sides.min() * 1.5
