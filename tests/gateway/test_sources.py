"""Which photos a person means, and what their results are called."""

from pathlib import Path

import pytest

from gateway.cli.client import UsageError
from gateway.cli.sources import photos
from tests.gateway.fakes import picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "photos"
    for name in ("lenses/red.jpg", "green.jpg", "blue.JPG", "notes.md", "._red.jpg", ".thumbs/red.jpg"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(picture(kind="JPEG"))
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "shop"


def test_photos_are_found_in_files_folders_and_patterns(folder: Path, out: Path) -> None:
    def names(*given: object) -> list[str]:
        return [photo.name for photo in photos([str(one) for one in given], out)]

    assert names(folder) == ["blue", "green", "lenses/red"]
    assert names(folder / "*.[jJ]*") == ["blue", "green"]
    assert names(folder / "**" / "*.[jJ]*") == ["blue", "green", "lenses/red"]
    assert names(folder / "lenses" / "red.jpg", folder / "green.jpg") == ["green", "red"]
    assert names(folder / "lenses", folder / "lenses" / "*.jpg") == ["red"]


def test_results_of_earlier_runs_are_no_photos(folder: Path) -> None:
    out = folder / "shop"
    out.mkdir()
    (out / "green.png").write_bytes(picture())
    assert [photo.name for photo in photos([str(folder)], out)] == ["blue", "green", "lenses/red"]
    assert [photo.name for photo in photos([str(out)], folder / "more")] == ["green"]


def test_results_of_one_name_are_refused(folder: Path, out: Path) -> None:
    (folder / "Green.png").write_bytes(picture())
    with pytest.raises(UsageError, match=r"the same name: .*Green\.png and .*green\.jpg; name the folder above"):
        photos([str(folder)], out)


def test_results_where_the_photos_are_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"results would lie where the photos are: .*blue"):
        photos([str(folder)], folder)
