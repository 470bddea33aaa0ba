"""Rows from folders and manifests, and everything that is wrong with them by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.dataset_data import KEYWORDS, problems, rows, write_csv, write_folder, write_picture
from training.dataset import manifest
from training.dataset.errors import DatasetError
from training.dataset.files import FileError, Files
from training.dataset.rows import require_known_splits
from training.dataset.source import Wanted, load
from training.dataset.tables import Tables, opened


@pytest.fixture
def tables() -> Iterator[Tables]:
    with opened() as found:
        yield found


def test_folders_are_keywords(tmp_path: Path, tables: Tables) -> None:
    write_folder(tmp_path, per_keyword=2)
    load(tables, Wanted(str(tmp_path)))
    assert rows(tables) == [(f"{k}/{n:02d}.jpg", k, None, None) for k in KEYWORDS for n in range(2)]
    assert not problems(tables)


def test_folders_of_splits_hold_folders_of_keywords(tmp_path: Path, tables: Tables) -> None:
    for split in ("train", "val", "test"):
        write_picture(tmp_path / split / "pan" / "deeper" / "a.jpg", 1)
    load(tables, Wanted(str(tmp_path)))
    assert [(row[1], row[3]) for row in rows(tables)] == [("pan", "test"), ("pan", "train"), ("pan", "validation")]


def test_what_lies_beside_pictures_is_named_and_hidden_files_are_not(tmp_path: Path, tables: Tables) -> None:
    write_picture(tmp_path / "pan" / "a.JPG", 1)
    write_picture(tmp_path / "loose.jpg", 2)
    (tmp_path / "pan" / "notes.txt").write_text("notes")
    write_picture(tmp_path / ".cache" / "b.jpg", 3)
    load(tables, Wanted(str(tmp_path)))
    assert rows(tables) == [("loose.jpg", None, None, None), ("pan/a.JPG", "pan", None, None)]
    assert problems(tables) == {
        ("file is not looked at", "pan/notes.txt", "not a picture by its name"),
        ("no keyword", "loose.jpg", None),
    }


def test_the_group_is_found_in_the_name(tmp_path: Path, tables: Tables) -> None:
    for name in ("Y24_K19256-1_01__original", "Y24_K19256-2_01__original", "other"):
        write_picture(tmp_path / "pan" / f"{name}.jpg", 1)
    load(tables, Wanted(str(tmp_path), group_pattern="_(K[0-9]+)-"))
    assert [row[2] for row in rows(tables)] == ["K19256", "K19256", None]


@pytest.mark.parametrize("pattern", ["K[0-9]+", "(", "(a)(b)"])
def test_a_group_pattern_has_one_pair_of_brackets(tmp_path: Path, tables: Tables, pattern: str) -> None:
    with pytest.raises(DatasetError, match="--group-pattern"):
        load(tables, Wanted(str(tmp_path), group_pattern=pattern))


@pytest.mark.parametrize("kind", ["comma", "semicolon", "tab", "parquet", "bom"])
def test_manifests_of_every_kind_say_the_same(tmp_path: Path, tables: Tables, kind: str) -> None:
    wanted = [("a.jpg", "pan", "g1", "train"), ("b, c.jpg", "pot", None, None)]
    path = tmp_path / {"parquet": "m.parquet", "tab": "m.tsv"}.get(kind, "m.csv")
    if kind == "parquet":
        columns = list(zip(*wanted, strict=True))
        pq.write_table(pa.table([list(column) for column in columns], ["image", "keyword", "group", "split"]), path)
    else:
        between = {"semicolon": ";", "tab": "\t"}.get(kind, ",")
        lines = ["image,keyword,group,split", "a.jpg,pan,g1,train", '"b! c.jpg",pot,,']
        text = "\n".join(lines).replace(",", between).replace("!", ",") + "\n"
        path.write_text(text, encoding="utf-8-sig" if kind == "bom" else "utf-8")
    load(tables, Wanted(str(path)))
    assert rows(tables) == wanted
    assert not problems(tables)


def test_columns_may_have_other_names_and_types(tmp_path: Path, tables: Tables) -> None:
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"path": ["a.jpg"], "label": pa.array(["pan"]).dictionary_encode(), "recipe": [7]}), path)
    load(tables, Wanted(str(path), {"image": "path", "keyword": "label", "group": "recipe"}))
    assert rows(tables) == [("a.jpg", "pan", "7", None)]


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path, tables: Tables) -> None:
    path = write_csv(tmp_path / "m.csv", ["a.jpg,pan"], head="image,label")
    with pytest.raises(DatasetError, match=r"m\.csv: no column keyword; it has image, label"):
        load(tables, Wanted(str(path)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"image,keyword\n", "no pictures in it"),
        (b"image,image,keyword\n", "column image is there twice"),
        (b"image,keywor\xff\xfe\n", "not UTF-8"),
    ],
)
def test_a_manifest_that_is_none_is_an_error(tmp_path: Path, tables: Tables, content: bytes, reason: str) -> None:
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=reason):
        load(tables, Wanted(str(tmp_path / "m.csv")))


def test_a_parquet_file_that_is_none_is_an_error(tmp_path: Path, tables: Tables) -> None:
    (tmp_path / "m.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(DatasetError, match="parquet"):
        load(tables, Wanted(str(tmp_path / "m.parquet")))


@pytest.mark.parametrize("place", ["nowhere", "nowhere.csv", "http://host/set", "s3://"])
def test_a_place_that_is_none_is_an_error(tmp_path: Path, tables: Tables, place: str) -> None:
    with pytest.raises(DatasetError, match=r"nowhere|is allowed"):
        load(tables, Wanted(place if "://" in place else str(tmp_path / place)))


def test_lines_that_cannot_be_read_are_named_and_the_others_count(tmp_path: Path, tables: Tables) -> None:
    (tmp_path / "m.csv").write_bytes(b"image,keyword\na.jpg,pan\nb.jpg\nc.jpg,pot,more\nd\xff.jpg,pan\ne.jpg,tray\n")
    load(tables, Wanted(str(tmp_path / "m.csv")))
    assert [row[0] for row in rows(tables)] == ["a.jpg", "e.jpg"]
    assert {(kind, place) for kind, place, _ in problems(tables)} == {
        ("row cannot be read", f"line {line}") for line in (3, 4, 5)
    }


def test_every_problem_of_a_row_is_named(tmp_path: Path, tables: Tables) -> None:
    lines = [
        "same.jpg,pan,g,train",
        "same.jpg,pan,g,train",
        "labels.jpg,pan,,",
        "labels.jpg,pot,,",
        "leak.jpg,pan,,train",
        "leak.jpg,pan,,test",
        "groups.jpg,pan,g1,",
        "groups.jpg,pan,g2,",
        "bare.jpg,  ,,",
        "odd.jpg,pan,,holdout",
        ",pan,,",
    ]
    load(tables, Wanted(str(write_csv(tmp_path / "m.csv", lines))))
    assert problems(tables) == {
        ("named twice", "same.jpg", "2 rows"),
        ("named twice", "labels.jpg", "2 rows"),
        ("named twice", "leak.jpg", "2 rows"),
        ("named twice", "groups.jpg", "2 rows"),
        ("several keywords", "labels.jpg", "pan, pot"),
        ("several splits", "leak.jpg", "test, train"),
        ("several groups", "groups.jpg", "g1, g2"),
        ("no keyword", "bare.jpg", None),
        ("unknown split", "odd.jpg", "holdout"),
        ("row without picture", None, "pan"),
    }
    assert rows(tables) == [
        ("bare.jpg", None, None, None),
        ("groups.jpg", "pan", None, None),
        ("labels.jpg", None, None, None),
        ("leak.jpg", "pan", None, None),
        ("odd.jpg", "pan", None, None),
        ("same.jpg", "pan", "g", "train"),
    ]
    with pytest.raises(DatasetError, match=r"unknown split holdout \(1 rows\); allowed are train, validation, test"):
        require_known_splits(tables)


def test_a_written_manifest_names_the_same_files_from_where_it_lies(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "set's", per_keyword=1)
    for name in ("new/m.csv", "set's/m.parquet"):
        with opened() as first, opened() as second:
            files = load(first, Wanted(str(source)))
            manifest.write(first, tmp_path / name, files.base)
            found = load(second, Wanted(str(tmp_path / name)))
            assert [found.read(str(row[0])) for row in rows(second)] == [files.read(str(row[0])) for row in rows(first)]


def test_a_manifest_is_written_as_csv_or_parquet_only(tmp_path: Path, tables: Tables) -> None:
    load(tables, Wanted(str(write_folder(tmp_path / "set", per_keyword=1))))
    with pytest.raises(DatasetError, match=r"\.csv or \.parquet"):
        manifest.write(tables, tmp_path / "m.xlsx", str(tmp_path))


def test_the_digest_is_of_the_rows_and_not_of_their_order(tmp_path: Path) -> None:
    lines = ["a.jpg,pan,,", "b.jpg,pot,,"]
    found = []
    for number, some in enumerate((lines, lines[::-1], ["a.jpg,pan,,", "b.jpg,pan,,"])):
        with opened() as tables:
            load(tables, Wanted(str(write_csv(tmp_path / f"{number}.csv", some))))
            found.append(manifest.digest(tables))
    assert found[0] == found[1] != found[2]
    assert len(found[0]) == 64


def test_a_file_that_is_missing_or_too_large_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"12345")
    assert Files(str(tmp_path), largest=5).read("a.jpg") == b"12345"
    with pytest.raises(FileError, match="too large"):
        Files(str(tmp_path), largest=4).read("a.jpg")
    with pytest.raises(FileError, match="no such file"):
        Files(str(tmp_path)).read("b.jpg")
    with pytest.raises(FileError, match="directory"):
        Files(str(tmp_path.parent)).read(tmp_path.name)


@pytest.mark.parametrize("memory", ["", "1", "0GB", "lots", "1GB; drop table rows"])
def test_memory_is_a_size(memory: str) -> None:
    with pytest.raises(DatasetError, match="--memory"), opened(memory):
        pass
