"""Stratified splits that keep groups and duplicates together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.dataset_data import rows, write_csv
from training.dataset import duplicates, findings
from training.dataset.clusters import Clusters
from training.dataset.errors import DatasetError
from training.dataset.files import Files
from training.dataset.rows import SPLITS
from training.dataset.source import Wanted, load
from training.dataset.splits import Wish, assign, parse_shares
from training.dataset.tables import Tables, opened


@pytest.fixture
def tables() -> Iterator[Tables]:
    with opened() as found:
        yield found


def fill(tables: Tables, found: list[tuple[str, str | None, str | None, str | None]]) -> None:
    tables.run('create or replace table rows (image varchar, keyword varchar, "group" varchar, split varchar)')
    columns = [pa.array(list(column), pa.string()) for column in zip(*found, strict=True)]
    tables.append("rows", pa.table(columns, ["image", "keyword", "group", "split"]))


def counted(tables: Tables) -> dict[str, tuple[int, ...]]:
    """Keyword -> pictures in train, validation and test."""
    found: dict[str, Counter[str | None]] = defaultdict(Counter)
    for _, keyword, _, split in rows(tables):
        found[str(keyword)][split] += 1
    return {keyword: tuple(splits[split] for split in SPLITS) for keyword, splits in found.items()}


def single(keyword: str, count: int) -> list[tuple[str, str | None, str | None, str | None]]:
    return [(f"{keyword}/{number}.jpg", keyword, None, None) for number in range(count)]


def test_every_keyword_is_split_by_the_shares_and_rare_ones_are_everywhere(tables: Tables) -> None:
    fill(tables, [*single("a", 100), *single("b", 14), *single("c", 3), *single("d", 2), *single("e", 1)])
    assign(tables, Wish((0.8, 0.1, 0.1)))
    found = counted(tables)
    assert found.pop("b") in {(12, 1, 1), (11, 2, 1), (11, 1, 2)}
    assert found == {"a": (80, 10, 10), "c": (1, 1, 1), "d": (2, 0, 0), "e": (1, 0, 0)}


def test_a_keyword_that_a_split_lacks_is_named(tables: Tables) -> None:
    fill(tables, [*single("a", 30), *single("rare", 1)])
    assign(tables, Wish())
    assert findings.warnings(findings.by_split(tables)) == [
        "validation has no picture of rare",
        "test has no picture of rare",
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_rare_keyword_is_everywhere_though_its_groups_hold_others(tables: Tables, seed: int) -> None:
    """Recipes of two to sixteen pictures; some keywords are in nearly all of them, some in three."""
    rng = np.random.default_rng(seed)
    odds = rng.dirichlet(np.full(14, 0.7))
    groups = [f"recipe {number}" for number in range(40) for _ in range(int(rng.integers(2, 17)))]
    found = [(f"{n}.jpg", f"k{rng.choice(14, p=odds)}", group, None) for n, group in enumerate(groups)]
    fill(tables, [*found])
    assign(tables, Wish(seed=seed))
    recipes: dict[str, set[str]] = defaultdict(set)
    for _, keyword, group, _ in found:
        recipes[keyword].add(group)
    counts = counted(tables)
    assert [keyword for keyword, where in recipes.items() if len(where) >= 3 and min(counts[keyword]) == 0] == []
    train, validation, test = np.sum(list(counts.values()), axis=0) / len(found)
    assert (train, validation, test) == pytest.approx((0.8, 0.1, 0.1), abs=0.04)


def test_a_share_of_nothing_gets_nothing(tables: Tables) -> None:
    fill(tables, single("a", 20))
    assign(tables, Wish((0.75, 0, 0.25)))
    assert counted(tables) == {"a": (15, 0, 5)}


def test_the_same_seed_makes_the_same_splits_whatever_the_order_of_the_rows(tables: Tables) -> None:
    found = [*single("a", 50), *single("b", 30)]
    outcomes = []
    for some, seed in ((found, 1), (found[::-1], 1), (found, 2)):
        fill(tables, some)
        assign(tables, Wish(seed=seed))
        outcomes.append(rows(tables))
    assert outcomes[0] == outcomes[1] != outcomes[2]


def test_splits_that_are_there_stay_and_count(tables: Tables) -> None:
    given_ = [(f"old/{n}.jpg", "a", None, "test") for n in range(5)]
    fill(tables, [*given_, *single("a", 45)])
    assign(tables, Wish((0.8, 0.1, 0.1)))
    assert counted(tables) == {"a": (40, 5, 5)}
    assert all(row[3] == "test" for row in rows(tables) if str(row[0]).startswith("old"))
    assign(tables, Wish((0.8, 0.1, 0.1), resplit=True))
    assert counted(tables) == {"a": (40, 5, 5)}
    assert not all(row[3] == "test" for row in rows(tables) if str(row[0]).startswith("old"))


def test_a_picture_follows_its_group_and_one_without_keyword_is_in_no_split(tables: Tables) -> None:
    fill(
        tables,
        [("a.jpg", "pan", "g", "test"), ("b.jpg", "pot", "g", None), ("c.jpg", None, "g", None), *single("pan", 9)],
    )
    assign(tables, Wish())
    assert [row[3] for row in rows(tables)][:3] == ["test", "test", None]


def test_duplicates_and_their_groups_stay_together(tables: Tables) -> None:
    """a and b share a cluster, b and c a group, c and d another cluster: all four are one unit."""
    chain: list[tuple[str, str | None, str | None, str | None]] = [
        ("a", "pan", None, None),
        ("b", "pan", "g", None),
        ("c", "pan", "g", None),
        ("d", "pan", None, None),
    ]
    for seed in range(8):
        fill(tables, [*chain, *single("pan", 6)])
        together = pa.table({"image": ["a", "b", "c", "d"], "cluster": ["x", "x", "y", "y"]})
        tables.run("create or replace table together (image varchar, cluster varchar)")
        tables.append("together", together)
        assign(tables, Wish((0.4, 0.3, 0.3), seed=seed))
        assert len({row[3] for row in rows(tables)[:4]}) == 1


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([None, "g1", "g2", "g3", "g4"])), min_size=1, max_size=60
    ),
    st.integers(0, 9),
)
def test_no_group_is_ever_in_two_splits_and_nobody_is_left_out(found: list[tuple[str, str | None]], seed: int) -> None:
    with opened() as tables:
        fill(tables, [(f"{number}.jpg", keyword, group, None) for number, (keyword, group) in enumerate(found)])
        assign(tables, Wish(seed=seed))
        assert findings.clusters(tables, "group", findings.IN_SPLITS).clusters == 0
        assert all(row[3] in SPLITS for row in rows(tables))


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 80), min_size=1), st.integers(0, 9))
def test_single_pictures_meet_the_shares_within_one(numbers: dict[str, int], seed: int) -> None:
    with opened() as tables:
        fill(tables, [row for keyword, count in numbers.items() for row in single(keyword, count)])
        assign(tables, Wish((0.7, 0.2, 0.1), seed=seed))
        for keyword, splits in counted(tables).items():
            if numbers[keyword] >= 3:
                assert min(splits) >= 1
                wished = np.maximum(np.array((0.7, 0.2, 0.1)) * numbers[keyword], 1)
                assert np.abs(np.array(splits) - wished).max() < 2


@pytest.mark.parametrize("text", ["80,20", "80,10,x", "0,0,0", "80,-10,30", "nan,1,1", "inf,1,1", ""])
def test_shares_are_three_numbers(text: str) -> None:
    with pytest.raises(DatasetError, match="--shares"):
        parse_shares(text)


def test_a_set_may_be_for_tests_alone(tables: Tables) -> None:
    fill(tables, [*single("saucepan", 7), *single("oven-tray", 1)])
    assign(tables, Wish(parse_shares("0,0,100"), seed=1))
    assert counted(tables) == {"saucepan": (0, 0, 7), "oven-tray": (0, 0, 1)}


def test_shares_are_brought_to_one() -> None:
    assert parse_shares("8,1,1") == pytest.approx((0.8, 0.1, 0.1))


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=60), st.integers(1, 7))
def test_clusters_are_connected_components_named_by_their_first(pairs: list[tuple[int, int]], size: int) -> None:
    clusters = Clusters(20)
    for start in range(0, len(pairs), size):
        part = np.array(pairs[start : start + size])
        clusters.join(part[:, 0], part[:, 1])
        if start % 2:
            clusters.labels()
    wanted = list(range(20))
    for _ in range(20):
        for one, other in pairs:
            wanted[one] = wanted[other] = min(wanted[one], wanted[other])
    assert clusters.labels().tolist() == wanted


def test_duplicates_of_a_report_are_found_from_another_folder(tmp_path: Path, tables: Tables) -> None:
    load(tables, Wanted(str(write_csv(tmp_path / "deep" / "m.csv", ["../set/a.jpg,pan,,", "../set/b.jpg,pan,,"]))))
    found = pa.table({"image": ["../set/a.jpg", "../set/b.jpg"], "near": ["a.jpg", "a.jpg"]})
    (tmp_path / "report").mkdir()
    pq.write_table(found, tmp_path / "report" / "duplicates.parquet")
    files = Files(str(tmp_path / "deep"))
    duplicates.load_together(tables, tmp_path / "report" / "duplicates.parquet", "near", files)
    assert tables.rows("select image, cluster from together order by 1") == [
        ("../set/a.jpg", "a.jpg"),
        ("../set/b.jpg", "a.jpg"),
    ]
    with pytest.raises(DatasetError, match="no columns image and alike; it has image, near"):
        duplicates.load_together(tables, tmp_path / "report" / "duplicates.parquet", "alike", files)
    with pytest.raises(DatasetError, match="report of another data set"):
        duplicates.load_together(tables, tmp_path / "report" / "duplicates.parquet", "near", Files(str(tmp_path)))
    with pytest.raises(DatasetError, match="no such file"):
        duplicates.load_together(tables, tmp_path / "nowhere.parquet", "near", files)
