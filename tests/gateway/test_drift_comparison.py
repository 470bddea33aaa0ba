"""What counts as drift: measured on generated shelves, with the false alarms of many windows of the same world."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.drift import profile
from gateway.drift.comparison import Comparison
from gateway.drift.divergence import Kernel, ks, psi
from gateway.drift.observation import Observation
from gateway.drift.profile import Bins, ProfileError
from gateway.drift.report import profile_of
from tests.gateway.drift_world import NETWORK, Harm, Photo, blurred, darker, drawn, observed, photos, reference

SEED = 4
WINDOW = 100
EVEN = Bins(edges=(0, 1, 2, 3, 4), shares=(0.25, 0.25, 0.25, 0.25))


@pytest.fixture(scope="module")
def shelves() -> list[Photo]:
    return list(photos(SEED, range(5), 4))


@pytest.fixture(scope="module")
def pool(shelves: list[Photo]) -> list[Observation]:
    return observed(shelves)


@pytest.fixture(scope="module")
def comparison(pool: list[Observation]) -> Comparison:
    """As if the profile had been made of many pictures of that world."""
    return Comparison(reference(drawn(pool, 300, SEED)))


def worst(comparison: Comparison, window: Sequence[Observation]) -> tuple[str, float]:
    first = comparison.compare(window)[0]
    return first.figure, first.ratio


def test_hardly_a_window_of_the_same_world_is_over_the_threshold(
    comparison: Comparison, pool: list[Observation]
) -> None:
    """A report takes several in a row."""
    ratios = np.array([worst(comparison, drawn(pool, WINDOW, seed))[1] for seed in range(150)])
    assert np.mean(ratios > 1) <= 0.02
    assert np.median(ratios) < 0.7, "and most stay far from it"


@pytest.mark.parametrize(("harm", "figure"), [(darker, "brightness"), (blurred, "sharpness")], ids=["dark", "blurred"])
def test_frames_that_are_harmed_are_far_off_and_named(
    comparison: Comparison, shelves: list[Photo], harm: Harm, figure: str
) -> None:
    harmed = observed([photo.harmed(harm) for photo in shelves])
    found, ratio = worst(comparison, drawn(harmed, WINDOW, 1))
    assert (found, ratio > 2) == (figure, True)


def test_half_a_window_of_dark_frames_is_enough(
    comparison: Comparison, pool: list[Observation], shelves: list[Photo]
) -> None:
    harmed = observed([photo.harmed(darker) for photo in shelves])
    window = drawn(harmed, WINDOW // 2, 1) + drawn(pool, WINDOW // 2, 2)
    assert worst(comparison, window)[1] > 1


def test_one_aisle_that_the_profile_does_not_know_is_another_world(comparison: Comparison) -> None:
    other = observed(list(photos(SEED + 1, [3], 6)))
    found = {compared.figure: compared.ratio for compared in comparison.compare(drawn(other, WINDOW, 1))}
    assert found["embedding"] > 1


def test_an_unsure_network_is_seen_by_its_confidence(comparison: Comparison, pool: list[Observation]) -> None:
    window = [replace(seen, figures={**seen.figures, "confidence": 0.7}) for seen in drawn(pool, WINDOW, 1)]
    assert worst(comparison, window)[0] == "confidence"


def test_figures_and_embeddings_that_only_one_side_has_are_left_out(
    comparison: Comparison, pool: list[Observation]
) -> None:
    window = [
        replace(seen, figures={"brightness": seen.figures["brightness"], "new": 1.0}, embedding=np.zeros(3, np.float32))
        for seen in drawn(pool, WINDOW, 1)
    ]
    assert {(compared.figure, compared.test) for compared in comparison.compare(window)} == {
        ("brightness", "psi"),
        ("brightness", "ks"),
    }


def test_values_that_are_no_numbers_do_not_hide_the_others(comparison: Comparison, pool: list[Observation]) -> None:
    window = drawn(pool, WINDOW, 1)
    window[0] = replace(window[0], figures={**window[0].figures, "brightness": float("nan")})
    ratios = [compared.ratio for compared in comparison.compare(window)]
    assert all(np.isfinite(ratios))


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=300), st.integers(20, 500))
def test_distances_are_finite_whatever_the_values(values: list[float], pictures: int) -> None:
    found = np.array(values)
    for distance in (psi(EVEN, found, pictures), ks(EVEN, found, pictures)):
        assert np.isfinite(distance.value)
        assert distance.value >= 0
        assert distance.threshold > 0
    assert ks(EVEN, found, pictures).value <= 1


@given(st.integers(1, 50), st.integers(20, 500))
def test_the_profile_s_own_distribution_is_at_no_distance(times: int, pictures: int) -> None:
    values = np.tile([0.5, 1.5, 2.5, 3.5], times)
    assert psi(EVEN, values, pictures).value == pytest.approx(0, abs=1e-9)
    assert ks(EVEN, values, pictures).value == pytest.approx(0, abs=1e-9)


def test_psi_is_what_the_formula_says() -> None:
    values = np.repeat([0.5, 1.5, 2.5, 3.5], [400, 300, 200, 100])
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    expected = float(np.sum((shares - 0.25) * np.log(shares / 0.25)))
    assert psi(EVEN, values, 10_000).value == pytest.approx(expected, rel=0.02)
    assert ks(EVEN, values, 10_000).value == pytest.approx(0.2)


def test_small_windows_need_larger_distances() -> None:
    few, many = (psi(EVEN, np.full(size, 0.5), 1000).threshold for size in (20, 2000))
    assert few > many == 0.25


def test_mmd_sees_a_shift_and_not_another_draw() -> None:
    rng = np.random.default_rng(1)
    kernel = Kernel(rng.normal(size=(300, 16)).astype(np.float32))
    same = [kernel.distance(rng.normal(size=(100, 16)).astype(np.float32)).ratio for _ in range(50)]
    assert max(same) < 1
    assert abs(float(np.mean(same))) < 0.1, "it is unbiased"
    assert kernel.distance((rng.normal(size=(100, 16)) + 0.5).astype(np.float32)).ratio > 1


def test_a_window_s_own_profile_is_one_that_is_read(tmp_path: Path, pool: list[Observation]) -> None:
    found, embeddings = profile_of(NETWORK, drawn(pool, 300, 9))
    (tmp_path / "profile.json").write_bytes(found)
    (tmp_path / "profile.npz").write_bytes(embeddings)
    loaded = profile.load(tmp_path / "profile.json")
    assert loaded.profile.pictures == 300
    assert loaded.embeddings.shape == (300, pool[0].embedding.size)
    assert worst(Comparison(loaded), drawn(pool, WINDOW, 10))[1] < 1


def test_a_world_without_any_variety_makes_a_profile_too(pool: list[Observation]) -> None:
    found, _ = profile_of(NETWORK, [pool[0]] * 30)
    bins = profile.Profile.model_validate_json(found).figures["parts"]
    assert sum(bins.shares) == pytest.approx(1)
    assert worst(Comparison(reference([pool[0]] * 30)), [pool[0]] * 30)[1] < 1


GOOD: dict[str, Any] = {
    "version": 1,
    "network": NETWORK,
    "pictures": 300,
    "figures": {"brightness": {"edges": [0, 100, 255], "shares": [0.5, 0.5]}},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version"),
        ({"pictures": 3}, "pictures"),
        ({"figures": {}}, "figures"),
        ({"figures": {"brightness": {"edges": [0, 100, 255], "shares": [0.5, 0.4, 0.1]}}}, "3 edges need 2 shares"),
        ({"figures": {"brightness": {"edges": [0, 100, 255], "shares": [0.5, 0.4]}}}, "1 together"),
        ({"figures": {"brightness": {"edges": [0, 300, 255], "shares": [0.5, 0.5]}}}, "rise"),
    ],
)
def test_a_profile_that_cannot_be_used_says_why(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(GOOD))
    assert profile.load(path).embeddings.shape == (0, 0)
    path.write_text(json.dumps(GOOD | change))
    with pytest.raises(ProfileError, match=said):
        profile.load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\x00\xff", b"[]"])
def test_a_profile_that_is_no_json_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match="no profile of format 1"):
        profile.load(path)


@pytest.mark.parametrize("array", [np.zeros(3), np.array([[np.nan]]), np.array([["text"]])])
def test_embeddings_that_are_none_say_so(tmp_path: Path, array: NDArray[np.generic]) -> None:
    (tmp_path / "profile.json").write_text(json.dumps(GOOD))
    np.savez(tmp_path / "profile.npz", embeddings=array)
    with pytest.raises(ProfileError, match=r"finite floats \[n, d\]"):
        profile.load(tmp_path / "profile.json")
    (tmp_path / "profile.npz").write_bytes(b"no archive")
    with pytest.raises(ProfileError, match="no array `embeddings`"):
        profile.load(tmp_path / "profile.json")
