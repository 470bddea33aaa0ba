"""Keywords to a standard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.training.dataset_data import rows, write_csv
from training.dataset import keywords
from training.dataset.errors import DatasetError
from training.dataset.keywords import MappingFile, Standard
from training.dataset.source import Wanted, load
from training.dataset.spelling import normal, singular
from training.dataset.tables import Tables, opened

MAPPING = """
version: 1
groups:
  oven-tray: [baking sheet, Blech]
  pot-two-handles: [pot 2 handles, casserole]
  dish:
ignore: [test picture]
"""


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    spellings = ["oven-tray", "Oven_Trays", "baking sheets", "casserole", "Pots two handles", "dishes", "saucepn"]
    lines = [f"{number}.jpg,{spelling},," for number, spelling in enumerate([*spellings, "TEST-picture", ""])]
    with opened() as found:
        load(found, Wanted(str(write_csv(tmp_path / "m.csv", lines))))
        yield found


def standard(text: str = MAPPING) -> Standard:
    return Standard(MappingFile.model_validate(yaml.safe_load(text)), "mapping.yaml")


@pytest.mark.parametrize(
    ("spelling", "keyword", "how"),
    [
        ("oven-tray", "oven-tray", "as it is"),
        (" OVEN  tray", "oven-tray", "spelling"),
        ("oven_trays", "oven-tray", "plural"),
        ("Baking-Sheet", "oven-tray", "synonym"),
        ("baking sheets", "oven-tray", "plural"),
        ("ovens trays", "oven-tray", "plural"),
        ("dishes", "dish", "plural"),
        ("blech", "oven-tray", "synonym"),
        ("Test Picture", "", "ignored"),
        ("test pictures", "", "ignored"),
        ("sauce pan", "sauce-pan", "unknown"),
    ],
)
def test_a_spelling_finds_its_keyword_and_says_why(spelling: str, keyword: str, how: str) -> None:
    found = standard().of(spelling)
    assert (found.keyword, found.how) == (keyword, how)


def test_an_unknown_keyword_has_the_nearest_known_spelling() -> None:
    assert standard().of("cassarole").near == "casserole"
    assert standard().of("oventray").near == "oven-tray"
    assert standard().of("xyz").near == ""


def test_plurals_can_be_left_as_they_are() -> None:
    assert standard(MAPPING + "plurals: false").of("dishes").how == "unknown"


@pytest.mark.parametrize(
    ("unknown", "kept"), [("keep", "saucepn"), ("drop", None)], ids=["unknown ones stay", "unknown ones go"]
)
def test_the_rows_get_their_keywords(tables: Tables, unknown: keywords.Unknown, kept: str | None) -> None:
    found = keywords.standardise(tables, standard(), unknown)
    assert [row[1] for row in rows(tables)] == [
        *["oven-tray"] * 3,
        *["pot-two-handles"] * 2,
        "dish",
        kept,
        None,
        None,
    ]
    assert [(one.spelling, one.count) for one in found if one.how == "unknown"] == [("saucepn", 1)]
    assert "saucepn (1" in keywords.summary(found)


def test_unknown_keywords_can_be_an_error(tables: Tables) -> None:
    with pytest.raises(DatasetError, match=r"unknown keywords: saucepn \(1"):
        keywords.standardise(tables, standard(), "error")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: 1\ngroups: {a: [b], c: [B]}", "'B' means two keywords: a and c"),
        ("version: 1\ngroups: {a: []}\nignore: [A]", "'A' means two keywords: a and ignore"),
        ("version: 1\ngroups: {a: ['--']}", "neither letter nor digit"),
        ("version: 2\ngroups: {}", "version"),
        ("version: 1", "groups: Field required"),
        ("version: 1\ngroups: [a]", "groups"),
        ("version: 1\ngroups: {}\nsynonyms: {}", "synonyms: Extra inputs"),
        ("version: 1\ngroups: {a: [1]}", "groups.a.0"),
        ("{", "no YAML"),
        ("", "the file"),
    ],
)
def test_a_bad_mapping_file_says_where_it_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(DatasetError, match=reason) as caught:
        keywords.read(path)
    assert str(path) in str(caught.value)


def test_a_missing_mapping_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file"):
        keywords.read(tmp_path / "mapping.yaml")


def test_a_draft_is_a_mapping_file_that_knows_every_keyword(tmp_path: Path, tables: Tables) -> None:
    path = tmp_path / "draft.yaml"
    path.write_text(keywords.draft(keywords.counts(tables)))
    found = keywords.standardise(tables, keywords.read(path), "error")
    assert {one.keyword for one in found if one.spelling in {"oven-tray", "Oven_Trays"}} == {"oven-tray"}


@given(st.text())
def test_a_normal_spelling_stays_as_it_is(text: str) -> None:
    assert normal(normal(text)) == normal(text)
    assert singular(singular(normal(text))) == singular(singular(singular(normal(text))))


@given(st.lists(st.text(alphabet="abco-es _S", min_size=1), min_size=1))
def test_every_draft_can_be_read_and_knows_its_keywords(spellings: list[str]) -> None:
    text = keywords.draft(dict.fromkeys(spellings, 1))
    known = Standard(MappingFile.model_validate(yaml.safe_load(text)), "draft")
    assert all(known.of(spelling).how != "unknown" for spelling in spellings if normal(spelling))


@pytest.mark.parametrize(
    ("plural", "one"),
    [("trays", "tray"), ("dishes", "dish"), ("berries", "berry"), ("glass", "glass"), ("boxes", "box"), ("bus", "bus")],
)
def test_plurals(plural: str, one: str) -> None:
    assert singular(plural) == one
