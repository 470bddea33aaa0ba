"""The profile that an evaluation writes is the one that the gateway reads, figure by figure."""

from pathlib import Path

import numpy as np

from gateway.drift import profile as gateway_profile
from gateway.drift.comparison import Comparison
from gateway.drift.observation import Observation, Seen, observe
from tests.gateway.drift_world import Answered
from training.shelves import profile
from training.shelves.profile import Look


def seen(number: int) -> Observation:
    rng = np.random.default_rng(number)
    frame = rng.integers(0, 80 + 2 * number, (48, 64, 3)).astype(np.uint8)
    mask = np.zeros((32, 32), np.uint8)
    mask[: 1 + number % 31] = 1
    shares = np.bincount(mask.ravel(), minlength=5) / mask.size
    embedding = rng.normal(size=8).astype(np.float32)
    answer = Answered(mask, float(rng.uniform(0.7, 1)), tuple(shares.tolist()), embedding)
    return observe(Seen(frame, answer, "a-request", float(number)), keep=False)


def test_what_is_written_is_read_and_its_own_pictures_are_no_drift(tmp_path: Path) -> None:
    window = [seen(number) for number in range(60)]
    looks = [Look(item.figures, item.embedding) for item in window]
    reference = gateway_profile.load(profile.write_profile(tmp_path, "shelf_segmenter", looks))
    assert (reference.profile.network, reference.profile.pictures) == ("shelf_segmenter", 60)
    assert reference.embeddings.shape == (60, 8)
    assert reference.profile.figures.keys() == window[0].figures.keys(), "both sides know the same figures"
    compared = Comparison(reference).compare(window)
    assert {item.test for item in compared} == {"psi", "ks", "mmd"}
    assert compared[0].ratio < 1
