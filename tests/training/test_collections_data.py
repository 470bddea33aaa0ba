"""What is read: collections and samples, from folders and from pages, good and bad."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.collection_data import WIDTH, entries, write_source
from training.heads.embedded_json import Json, extract
from training.heads.errors import HeadsError
from training.heads.samples import parse_samples
from training.heads.source import Limits, open_source, parse_collections
from training.heads.split import split

LIST: Json = [{"embedding": [1.5], "label": True}]
TEXT = json.dumps(LIST)
PAGES = {
    "plain": TEXT,
    "with a byte order of its own": f"\n\t{TEXT}\n",
    "in a page": f"<html><script>var a = []; f({{}}); x[0] = [1]</script><body><pre>{TEXT}</pre></body></html>",
    "in a page with entities": f"<html><body data-n='[1, 2]'><pre>{html.escape(TEXT)}</pre></body></html>",
    "after a broken start": f"[{{oops {TEXT}",
}


@pytest.mark.parametrize("page", PAGES)
def test_json_is_found_in_a_page(page: str) -> None:
    assert extract(PAGES[page], "there") == LIST


@pytest.mark.parametrize("text", ["", "<html>login</html>", "12", "[[[[[[[[", "{" * 100_000, "x = [];"])
def test_a_page_without_json_is_named(text: str) -> None:
    with pytest.raises(HeadsError, match="there: there is no JSON"):
        extract(text, "there")


def test_empty_json_is_json() -> None:
    assert extract("[]", "there") == []


def test_collections_that_are_none_are_named_and_the_others_kept() -> None:
    listing: Json = [
        {"id": 7, "name": "seven"},
        {"id": "x"},
        {"id": 7},
        "text",
        {"id": True},
        {"id": 8},
        {"id": 2**31},
    ]
    found, problems = parse_collections(listing, "there")
    assert [(one.number, one.name) for one in found] == [(7, "seven"), (8, "collection 8")]
    assert [problem.split(": ")[1].split(" has")[0] for problem in problems] == [
        f"entry {position}" for position in (2, 3, 4, 5, 7)
    ]


def test_a_list_may_be_wrapped_in_an_object() -> None:
    found, _ = parse_collections({"total": 1, "collections": [{"id": 1}]}, "there")
    assert [one.number for one in found] == [1]
    assert len(parse_samples({"data": LIST}, "there")) == 1


@pytest.mark.parametrize("found", [{}, {"a": [], "b": []}, {"embedding": [1.0], "label": True}, []])
def test_a_listing_without_collections_is_refused(found: Json) -> None:
    with pytest.raises(HeadsError, match=r"there: (expected a list|no collection)"):
        parse_collections(found, "there")


BAD: list[Any] = [
    "text",
    {"embedding": [0.0] * WIDTH},
    {"embedding": [0.0] * WIDTH, "label": "yes"},
    {"embedding": [0.0] * WIDTH, "label": 2},
    {"embedding": [], "label": True},
    {"embedding": "0", "label": True},
    {"embedding": [0.0, "1"], "label": True},
    {"embedding": [True] * WIDTH, "label": True},
    {"embedding": [float("nan")] * WIDTH, "label": True},
    {"embedding": [1e300] * WIDTH, "label": True},
    {"embedding": [10**400] * WIDTH, "label": True},
    {"embedding": [0.0] * (WIDTH + 1), "label": True},
]


def test_malformed_entries_are_counted_by_kind_and_the_rest_is_used() -> None:
    samples = parse_samples([*entries(20), *BAD], "there")
    assert (len(samples), samples.width) == (20, WIDTH)
    assert set(samples.problems) == {
        "1 entry: not an object (entry 21)",
        "3 entries: label is neither true nor false (entry 22, 23, 24)",
        "4 entries: embedding is no list of numbers (entry 25, 26, 27 ...)",
        "3 entries: embedding holds numbers that are not finite (entry 29, 30, 31)",
        f"1 entry: embedding of {WIDTH + 1} numbers, most have {WIDTH} (entry 32)",
    }


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("created_at", ["2026-01-03T00:00:00Z", "2026-01-01T00:00:00+02:00", "2026-01-02"]),
        ("timestamp", [1_700_000_003, 1_700_000_001.5, "1700000002"]),
        ("id", [30, 10, 20]),
    ],
)
def test_the_newest_come_last_by_the_field_that_tells(field: str, values: list[object]) -> None:
    listing: Json = [{"embedding": [float(number)], "label": True, field: value} for number, value in enumerate(values)]
    samples = parse_samples(listing, "there")
    assert samples.order == field
    assert samples.vectors[:, 0].tolist() == [1, 2, 0]


def test_a_field_that_not_every_entry_has_does_not_tell() -> None:
    listing: Json = [{"embedding": [0.0], "label": True, "id": 9}, {"embedding": [1.0], "label": False}]
    samples = parse_samples(listing, "there")
    assert (samples.order, samples.vectors[:, 0].tolist()) == ("the order of the file", [0, 1])


def test_the_hold_out_is_the_newest_fifth_of_both_classes() -> None:
    samples = parse_samples([{"embedding": [float(n)], "label": n >= 90} for n in range(100)], "there")
    parts = split(samples, 0.2, 10)
    assert parts.held_out.vectors[:, 0].tolist() == [*range(72, 90), 98, 99]
    assert sorted([*parts.training.vectors[:, 0], *parts.held_out.vectors[:, 0]]) == list(range(100))


def test_what_was_trained_on_never_gets_into_the_hold_out_of_more_samples() -> None:
    numbers = np.random.default_rng(3).random(60) < 0.4
    listing: list[Any] = [{"embedding": [float(n)], "label": bool(label)} for n, label in enumerate(numbers)]
    earlier: set[float] = set()
    for count in range(12, 61):
        parts = split(parse_samples(listing[:count], "there"), 0.2, 10)
        earlier |= set(parts.training.vectors[:, 0].tolist())
        assert earlier.isdisjoint(parts.held_out.vectors[:, 0].tolist())
        assert parts.held_out.of_class(label=True) >= 1 <= parts.held_out.of_class(label=False)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([True] * 20, "all 20 samples have the label true: one class only"),
        ([False] * 20, "all 20 samples have the label false"),
        ([True, *[False] * 19], "1 samples are true and 19 false, at least 2"),
        ([True, False], "only 2 usable samples, at least 10"),
        ([], "only 0 usable samples"),
    ],
)
def test_too_few_samples_or_classes_are_named(labels: list[bool], words: str) -> None:
    samples = parse_samples([{"embedding": [1.0], "label": label} for label in labels], "there")
    with pytest.raises(HeadsError, match=words):
        split(samples, 0.2, 10)


def test_a_folder_is_read_by_its_name_or_its_listing(tmp_path: Path) -> None:
    write_source(tmp_path, {3: entries(4), 5: f"<pre>{json.dumps(entries(4))}</pre>"})
    for base in (tmp_path, tmp_path / "collections.json"):
        source = open_source(str(base), Limits())
        assert [one.number for one in source.collections()[0]] == [3, 5]
        assert source.training_data(3) == source.training_data(5) == entries(4)


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(HeadsError, match="no such folder"):
        open_source(str(tmp_path / "none"), Limits())
    source = open_source(str(write_source(tmp_path, {3: entries(4)})), Limits(max_bytes=100))
    with pytest.raises(HeadsError, match=r"collections/4/training_data\.json: No such file"):
        source.training_data(4)
    with pytest.raises(HeadsError, match=r"more than 0\.0001 MB, see --max-megabytes"):
        source.training_data(3)
    (tmp_path / "collections" / "3" / "training_data.json").write_bytes(b"\xff\xfe[]")
    with pytest.raises(HeadsError, match="not UTF-8"):
        source.training_data(3)
