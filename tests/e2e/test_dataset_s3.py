"""A data set in an object store: rclone serves a folder as S3, with signatures checked."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.buckets import KEY_ID, REGION, SECRET, s3
from tests.training.dataset_data import KEYWORDS, write_broken, write_csv, write_folder
from training.__main__ import main
from training.dataset.shards import Shards

pytestmark = pytest.mark.e2e

HOLES = [
    "pan/00.jpg,pan,,train",
    "pan/gone.jpg,pan,,train",
    "s3://photos/set/pot/00.jpg,pot,,test",
    "ftp://a/b.jpg,pot,,",
]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is the bucket `photos`, and the variables that reach it."""
    folder = tmp_path_factory.mktemp("s3")
    write_folder(folder / "photos" / "set", per_keyword=4)
    write_broken(folder / "photos" / "set" / "pan")
    whole = [f"{keyword}/{place:02d}.jpg,{keyword},," for keyword in KEYWORDS for place in range(4)]
    write_csv(folder / "photos" / "set" / "m.csv", whole)
    write_csv(folder / "photos" / "set" / "holes.csv", HOLES)
    with s3(folder) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_REGION", REGION)
        patch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        yield folder / "photos"


def test_a_prefix_makes_the_same_report_and_shards_as_its_folder(bucket: Path, tmp_path: Path) -> None:
    for name, source in (("far", "s3://photos/set/"), ("near", str(bucket / "set"))):
        assert main(["dataset", "report", source, "--out", str(tmp_path / f"{name}-report")]) == 0
        assert main(["dataset", "prepare", source, "--out", str(tmp_path / name), "--size", "48"]) == 0
    reports = [json.loads((tmp_path / f"{name}-report" / "report.json").read_text()) for name in ("far", "near")]
    assert [report.pop("source") for report in reports] == ["s3://photos/set/", str(bucket / "set")]
    assert reports[0] == reports[1]
    for file in (tmp_path / "near").rglob("*.*"):
        assert (tmp_path / "far" / file.relative_to(tmp_path / "near")).read_bytes() == file.read_bytes()


@pytest.mark.usefixtures("bucket")
def test_a_manifest_in_the_store_and_addresses_in_a_manifest_are_read(tmp_path: Path) -> None:
    assert main(["dataset", "split", "s3://photos/set/m.csv", "--out", str(tmp_path / "m.parquet")]) == 0
    assert (
        main(["dataset", "prepare", str(tmp_path / "m.parquet"), "--out", str(tmp_path / "set"), "--size", "48"]) == 0
    )
    shards = Shards.open(tmp_path / "set")
    assert shards.row("train", 0).name.startswith("s3://photos/set/")
    assert sum(shards.count(split) for split in ("train", "validation", "test")) == 12


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("s3://photos/nothing-here/", "no pictures in it"),
        ("s3://photos/set/missing.csv", "there is no such object"),
        ("ftp://host/set", "is allowed"),
    ],
)
def test_what_is_not_there_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, reason: str
) -> None:
    assert main(["dataset", "report", source, "--out", str(tmp_path / "report")]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.usefixtures("bucket")
def test_an_object_that_is_missing_or_in_no_store_is_left_out_by_name(tmp_path: Path) -> None:
    assert main(["dataset", "prepare", "s3://photos/set/holes.csv", "--out", str(tmp_path / "set")]) == 0
    ftp, gone = (tmp_path / "set" / "left_out.csv").read_text().splitlines()[1:]
    assert gone == "pan/gone.jpg,there is no such object"
    assert ftp.startswith("ftp://a/b.jpg,")
    assert "is allowed" in ftp
