from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.quality import history, scores
from perf.quality.cases import QualityError
from perf.quality.history import Version
from perf.quality.scores import Figures, Points
from perf.quality.shadows import Likeness

share = st.floats(0, 1)
PERFECT = Figures(1.0, 1.0, 0.0, 0.0, Likeness(1.0, 1.0, 1.0))


def test_a_perfect_picture_has_ten_points_throughout() -> None:
    found = scores.points(PERFECT)
    assert (found.mask, found.edge, found.centring, found.shadow, found.overall) == (10, 10, 10, 10, 10)


def test_points_come_from_the_stated_formulas() -> None:
    found = scores.points(Figures(0.745, 0.625, 21.0, 5.0, Likeness(0.5, 0.4, 0.2)))
    assert found.mask == pytest.approx(5)
    assert found.edge == pytest.approx(5)
    assert found.centring == pytest.approx(5)
    assert found.shadow == pytest.approx(4)
    assert found.overall == pytest.approx(4.75)


def test_what_was_not_measured_does_not_count() -> None:
    found = scores.points(Figures(0.99, 0.95))
    assert (found.centring, found.shadow, found.edge, found.overall) == (None, None, 10, 10)


@given(share, share)
def test_a_better_figure_never_has_fewer_points(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert scores.points(Figures(low, 0)).mask <= scores.points(Figures(high, 0)).mask
    assert scores.points(Figures(0, low)).edge <= scores.points(Figures(0, high)).edge
    assert scores.points(Figures(0, 0, high * 60)).edge <= scores.points(Figures(0, 0, low * 60)).edge
    near, far = (scores.points(Figures(0, 0, None, error * 80)).centring for error in (low, high))
    assert near is not None
    assert far is not None
    assert near >= far
    for likeness in ((low, 0.5, 0.5), (0.5, low, 0.5), (0.5, 0.5, low)):
        better = Likeness(*(high if part == low else part for part in likeness))
        less = scores.points(Figures(0, 0, None, None, Likeness(*likeness))).shadow
        more = scores.points(Figures(0, 0, None, None, better)).shadow
        assert less is not None
        assert more is not None
        assert less <= more + 1e-9


def test_the_six_figures_are_means_over_their_pictures() -> None:
    pictures = [
        ("lens", False, Points(10, 8, 6, 4)),
        ("white", True, Points(2, 2, 2, 2)),
        ("white", True, Points(4, 4, None, None)),
    ]
    six = scores.six(pictures)
    assert six.overall == pytest.approx((7 + 2 + 4) / 3)
    assert six.best_case == 7
    assert six.edge_quality == pytest.approx(14 / 3)
    assert six.shadow_quality == 3
    assert six.centring_accuracy == 4
    assert six.white_on_white == 3
    assert scores.six([]).overall is None


def version(commit: str, day: int, overall: float | None, lens: float = 5.0, pictures: str = "a") -> Version:
    rows = {"lens": {"overall": lens}}
    when = datetime(2026, 1, day, tzinfo=timezone.utc)
    six = {"overall": overall, "edge_quality": 5.0}
    return Version(commit=commit, date=when, pictures=pictures, count=1, refused=0, scores=six, categories=rows)


def test_drops_are_named_and_small_changes_are_none() -> None:
    assert history.drops(version("b", 2, 4.95), version("a", 1, 5.0)) == []
    assert history.drops(version("b", 2, 4.5), version("a", 1, 5.0)) == ["overall fell from 5.00 to 4.50"]
    assert history.drops(version("b", 2, 5.0, 3.0), version("a", 1, 5.0)) == ["lens: overall fell from 5.00 to 3.00"]
    assert history.drops(version("b", 2, None), version("a", 1, 5.0)) == ["overall fell from 5.00 to nothing"]
    assert history.drops(version("b", 2, 9.0), version("a", 1, None)) == []


def test_a_version_is_compared_with_the_newest_other_one_on_the_same_pictures(tmp_path: Path) -> None:
    for one in (version("a", 1, 5.0), version("b", 3, 6.0), version("c", 5, 7.0, pictures="other")):
        history.keep(tmp_path, one)
    now = version("d", 6, 6.0)
    assert history.before(tmp_path, now) == version("b", 3, 6.0)
    assert history.before(tmp_path, version("b", 6, 6.0)) == version("a", 1, 5.0)
    assert history.before(tmp_path / "none", now) is None


def test_a_stored_version_comes_back_and_what_is_none_is_named(tmp_path: Path) -> None:
    path = history.keep(tmp_path, version("a", 1, 5.0))
    assert path.name == "a.json"
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(QualityError, match=r"x\.json: no measured version"):
        history.before(tmp_path, version("b", 2, 5.0))
