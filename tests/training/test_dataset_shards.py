"""Prepared data sets: what is in the shards, that they are reproducible, and what reads them."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.dataset_data import KEYWORDS, write_broken, write_csv, write_folder
from training.__main__ import main
from training.dataset.errors import DatasetError
from training.dataset.shards import Shards

PER_KEYWORD = 40


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_folder(tmp_path_factory.mktemp("source"), PER_KEYWORD)
    write_broken(folder / "pan")
    return folder


@pytest.fixture(scope="module")
def prepared(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(source, tmp_path_factory.mktemp("prepared") / "set")


def prepare(source: Path, folder: Path, *options: str) -> Path:
    command = ["dataset", "prepare", str(source), "--out", str(folder), "--size", "64", "--shares", "60,20,20"]
    assert main([*command, "--per-shard", "40", *options]) == 0
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_data_set_says_what_is_in_it(prepared: Path) -> None:
    content = json.loads((prepared / "dataset.json").read_text())
    assert content["labels"] == list(KEYWORDS)
    assert (content["seed"], content["size"], len(content["manifest"])) == (1, 64, 64)
    shards = Shards.open(prepared)
    for split in ("train", "validation", "test"):
        assert shards.count(split) == sum(content["counts"][split].values())
        found = np.bincount(shards.label_indices(split), minlength=3)
        assert dict(zip(shards.labels, found.tolist(), strict=True)) == content["counts"][split]
    assert sum(shards.count(split) for split in ("train", "validation", "test")) == 3 * PER_KEYWORD
    assert sum(content["left_out"].values()) == 5


def test_what_was_left_out_is_named(prepared: Path) -> None:
    text = (prepared / "left_out.csv").read_text()
    assert "pan/truncated.jpg,the JPEG file is truncated" in text
    assert "pan/empty.jpg" in text


def test_rows_are_the_pictures_of_the_source(source: Path, prepared: Path) -> None:
    shards = Shards.open(prepared)
    for row in shards.rows("test"):
        assert shards.labels[row.label] == row.name.split("/")[0]
        found = Image.open(io.BytesIO(row.image))
        assert (found.format, found.mode, min(found.size)) == ("JPEG", "RGB", 64)
        wanted = Image.open(source / row.name).resize(found.size, Image.Resampling.BICUBIC)
        assert np.abs(np.asarray(found).astype(int) - np.asarray(wanted)).mean() < 3


def test_a_row_by_its_number_is_the_row_of_the_stream(prepared: Path) -> None:
    shards = Shards.open(prepared)
    assert len(list((prepared / "train").iterdir())) == 2
    stream = list(shards.rows("train"))
    assert len({row.name for row in stream}) == len(stream)
    order = np.random.default_rng(0).permutation(len(stream))
    assert all(shards.row("train", int(place)) == stream[place] for place in order)
    assert shards.label_indices("train").tolist() == [row.label for row in stream]
    assert shards.label_indices("train").dtype == np.int32
    for outside in (-1, len(stream)):
        with pytest.raises(IndexError):
            shards.row("train", outside)


def _first_name(shards: Shards) -> str:
    return shards.row("train", 0).name


def test_other_processes_read_it_too(prepared: Path) -> None:
    shards = Shards.open(prepared)
    name = _first_name(shards)
    assert _first_name(pickle.loads(pickle.dumps(shards))) == name  # noqa: S301
    with get_context("fork").Pool(1) as pool:
        assert pool.apply(_first_name, (shards,)) == name


def test_the_same_manifest_and_seed_make_the_same_bytes(source: Path, prepared: Path, tmp_path: Path) -> None:
    again = prepare(source, tmp_path / "again", "--jobs", "3", "--memory", "200MB")
    assert digests(again) == digests(prepared)
    other = prepare(source, tmp_path / "other", "--seed", "2")
    assert json.loads((other / "dataset.json").read_text())["labels"] == list(KEYWORDS)
    assert digests(other) != digests(prepared)


def test_a_folder_that_is_there_is_not_written_over(
    prepared: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(prepared)
    assert main(["dataset", "prepare", str(source), "--out", str(prepared)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert digests(prepared) == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--size", "8"], "--size 8: 32 to 2048"),
        (["--per-shard", "0"], "--per-shard 0"),
        (["--jobs", "0"], "--jobs 0"),
        (["--max-megabytes", "0"], "--max-megabytes 0"),
        (["--shares", "1,2"], "--shares 1,2"),
    ],
)
def test_a_wrong_option_is_an_error_and_leaves_nothing(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    assert main(["dataset", "prepare", str(source), "--out", str(tmp_path / "set"), *options]) == 2
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_keywords_or_sound_pictures_there_is_no_data_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for line, reason in (
        ("a.jpg,,,", "no picture has a keyword"),
        ("a.jpg,pan,,", "no picture can be used: 1 x there is no such file"),
    ):
        manifest = write_csv(tmp_path / "m.csv", [line])
        assert main(["dataset", "prepare", str(manifest), "--out", str(tmp_path / "set")]) == 2
        assert reason in capsys.readouterr().err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["m.csv"]


def test_an_unknown_split_stops_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = write_csv(tmp_path / "m.csv", ["a.jpg,pan,,later"])
    assert main(["dataset", "prepare", str(manifest), "--out", str(tmp_path / "set")]) == 2
    assert "unknown split later (1 rows); allowed are train, validation, test" in capsys.readouterr().err


def test_what_is_no_data_set_is_an_error(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"dataset\.json: not readable"):
        Shards.open(tmp_path)
    (tmp_path / "dataset.json").write_text("[]")
    with pytest.raises(DatasetError, match="no labels"):
        Shards.open(tmp_path)
    broken = tmp_path / "broken"
    shutil.copytree(prepared, broken)
    (broken / "test" / "shard-00000.parquet").write_bytes(b"cut short")
    with pytest.raises(DatasetError, match=r"shard-00000\.parquet: not a readable shard"):
        Shards.open(broken).count("test")
    with pytest.raises(DatasetError, match="no split 'holdout'; allowed are train, validation, test"):
        Shards.open(prepared).count("holdout")


def test_a_split_without_pictures_is_empty(source: Path, tmp_path: Path) -> None:
    shards = Shards.open(prepare(source, tmp_path / "set", "--shares", "80,0,20"))
    assert shards.count("validation") == 0
    assert list(shards.rows("validation")) == []
    assert shards.label_indices("validation").shape == (0,)
