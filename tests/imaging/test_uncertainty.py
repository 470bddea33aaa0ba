from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import uncertainty
from imaging.uncertainty import Calibration, raw, read, score

USUAL = Calibration()


def ball(softness: float, centre: tuple[float, float] = (128, 128)) -> NDArray[np.uint8]:
    y, x = np.mgrid[:256, :256] + 0.5
    away = np.hypot(x - centre[0], y - centre[1])
    return np.asarray(np.clip((70 - away) / softness + 0.5, 0, 1) * 255, np.uint8)


def test_a_clean_matte_is_surer_than_a_doubtful_one() -> None:
    grey = ball(2)
    grey[100:160, 60:130] = 120
    loose = ball(2)
    loose[10:40, 10:40] = 200
    scores = [score(raw(matte), USUAL) for matte in (ball(2), ball(40), grey, loose)]
    assert scores[0] < 0.3
    assert min(scores[1:]) > scores[0]


def test_what_the_frame_cuts_off_is_no_reason_for_doubt() -> None:
    whole, cut = (score(raw(ball(2, centre)), USUAL) for centre in ((128, 128), (128, 220)))
    assert cut == pytest.approx(whole, abs=0.1)


def test_nothing_found_needs_a_person() -> None:
    assert score(raw(np.zeros((64, 64), np.uint8)), USUAL) == 1
    assert score(raw(np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)), USUAL) == 1


def test_a_mirror_image_that_says_the_same_calms_and_one_that_does_not_alarms() -> None:
    matte = ball(3, (110, 128))
    same, other = (score(raw(matte, one), USUAL) for one in (matte[:, ::-1], np.roll(matte[:, ::-1], 60, axis=1)))
    assert raw(matte, matte[:, ::-1]).disagreement == pytest.approx(np.log(uncertainty.TINY))
    assert other > same + 0.1


@pytest.mark.parametrize("side", [128, 512, 1024])
def test_the_size_of_the_matte_hardly_matters(side: int) -> None:
    matte = np.asarray(cv2.resize(ball(9), (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
    assert score(raw(matte), USUAL) == pytest.approx(score(raw(ball(9)), USUAL), abs=0.1)


@settings(max_examples=30)
@given(height=st.integers(1, 90), width=st.integers(1, 90), seed=st.integers(0, 999), mirrored=st.booleans())
def test_any_matte_has_a_probability(height: int, width: int, seed: int, mirrored: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 256, (2, height, width), dtype=np.uint8)
    assert 0 <= score(raw(one, other if mirrored else None), USUAL) <= 1


def test_a_calibration_is_read_from_a_models_parameters() -> None:
    assert read({}) == USUAL
    texts = {"uncertainty": "1,2,3,4,5,6,-7.5", "uncertainty_mirrored": "0,1,2,3,4,5,6,7"}
    assert read(texts) == Calibration((1, 2, 3, 4, 5, 6, -7.5), (0, 1, 2, 3, 4, 5, 6, 7))


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4,5,6,x", "1,2,3,4,5,6,nan", "1,2,3,4,5,6,inf", "1,2,3,4,5,6,7,8"])
def test_a_calibration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="uncertainty must be 7 numbers separated by commas"):
        read({"uncertainty": text})
