"""Boxes between MTCNN's networks, by hand; tests/faces compares the whole with the original."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from imaging import cascade, face_settings, faces
from imaging.cascade import Networks, Search
from imaging.errors import ShapeError
from imaging.face_settings import Settings
from imaging.faces import Candidates


def candidates(boxes: list[list[float]], scores: list[float]) -> Candidates:
    moves = np.zeros((len(boxes), 4), np.float32)
    return Candidates(np.array(boxes, np.float32), np.array(scores, np.float32), moves)


def test_sightings_become_boxes_of_the_field_at_their_scale() -> None:
    probability, moves = np.zeros((4, 5), np.float32), np.arange(80, dtype=np.float32).reshape(4, 5, 4)
    probability[1, 3] = 0.6
    seen = faces.seen(probability, moves, 0.6).moved(10, 20)
    found = faces.at_scale([seen], 0.5)
    assert found.boxes.tolist() == [[(2 * 23 + 1) * 2, (2 * 11 + 1) * 2, (2 * 23 + 12) * 2, (2 * 11 + 12) * 2]]
    assert found.moves.tolist() == [moves[1, 3].tolist()]


def test_of_absurdly_many_sightings_the_best_are_candidates() -> None:
    probability = np.linspace(0.6, 1, 120 * 120, dtype=np.float32).reshape(120, 120)
    found = faces.at_scale([faces.seen(probability, np.zeros((120, 120, 4), np.float32), 0.6)], 1.0)
    assert found.scores[0] == 1
    assert found.scores.min() > probability.ravel()[-faces.MOST - 1]


def test_moves_are_shares_of_the_sides_and_the_result_is_square() -> None:
    found = candidates([[10, 10, 30, 50]], [0.9])
    found.moves[:] = [0.1, 0, 0, 0.25]
    assert faces.proposed(found).tolist() == [[-4, 10, 46, 60]]


def test_boxes_are_cut_at_the_picture_and_empty_ones_named() -> None:
    boxes = np.array(
        [[-5.5, 0.9, 20.9, 20.2], [90, 40, 200, 90], [-30, -30, -10, -10], [101.5, 10, 130, 40]], np.float32
    )
    whole, there = faces.inside(boxes, 60, 100)
    assert whole[there].tolist() == [[0, 0, 20, 20], [89, 39, 100, 60]]
    assert there.tolist() == [True, True, False, False]


def test_faces_come_largest_first_with_their_landmarks() -> None:
    found = candidates([[0, 0, 9, 9], [20, 20, 49, 49], [60, 60, 69, 69]], [0.99, 0.8, 0.6])
    points = np.tile(np.array([0, 0.5, 1, 0, 1, 0, 0.5, 1, 1, 0], np.float32), (3, 1))
    answer = faces.final(found, points, 0.7)
    assert answer.boxes.tolist() == [[20, 20, 49, 49], [0, 0, 9, 9]]
    assert answer.scores.tolist() == pytest.approx([0.8, 0.99])
    assert answer.landmarks[0].tolist() == [[19, 19], [34, 34], [49, 49], [19, 49], [49, 19]]
    assert answer.moved(5, 7).boxes[0].tolist() == [25, 27, 54, 56]


@pytest.mark.parametrize("region", [(0, 0, 0, 5), (5, 5, 4, 9), (-1, 0, 5, 5), (0, 0, 31, 5), (0, 0, 5, 21)])
def test_a_region_must_lie_within(region: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="no part of a picture of 30 x 20"):
        Search(np.zeros((20, 30, 3), np.uint8), region)


def test_networks_see_bounded_batches_and_an_error_of_one_comes_out() -> None:
    sizes = []

    async def many(pixels: np.ndarray) -> dict[str, np.ndarray]:
        sizes.append(len(pixels))
        probability = np.zeros((len(pixels), 123, 123), np.float32)
        probability[:, 0, 0] = 0.9
        return {"probability": probability, "regression": np.zeros((*probability.shape, 4), np.float32)}

    async def broken(_: np.ndarray) -> dict[str, np.ndarray]:
        raise ConnectionError("gone")

    picture = np.zeros((900, 1600, 3), np.uint8)
    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(cascade.find([Search(picture)], Networks(many, broken, broken), Settings(smallest=20)))
    assert len(sizes) > 2
    assert max(sizes) == cascade.SHEETS


def test_nothing_to_search_asks_no_network() -> None:
    async def never(_: np.ndarray) -> dict[str, np.ndarray]:
        raise AssertionError

    networks = Networks(never, never, never)
    assert asyncio.run(cascade.find([], networks, Settings())) == []
    (tiny,) = asyncio.run(cascade.find([Search(np.zeros((19, 19, 3), np.uint8))], networks, Settings()))
    assert [len(tiny), tiny.boxes.shape, tiny.landmarks.shape] == [0, (0, 4), (0, 5, 2)]


def test_settings_are_those_of_the_paper_unless_stated() -> None:
    assert face_settings.read({}) == Settings(20, 0.709, (0.6, 0.7, 0.7))
    stated = {"min_face_size": "40", "factor": "0.8", "thresholds": "0.5, 0.6,1", "calls": "face_pnet"}
    assert face_settings.read(stated) == Settings(40, 0.8, (0.5, 0.6, 1.0))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("min_face_size", text) for text in ("", "11", "20.5", "many", "1e9")),
        *(("factor", text) for text in ("0", "1", "nan", "-0.5")),
        *(("thresholds", text) for text in ("", "0.5", "0.5,0.5,1.5", "a,b,c", "0.1,0.2,0.3,0.4")),
    ],
)
def test_settings_that_make_no_sense_are_named(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*not '{text}'"):
        face_settings.read({name: text})
