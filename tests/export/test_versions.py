"""Version folders under several exporters, and figures that come later."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from export import figures, versions
from export.__main__ import main
from export.errors import UsageError
from export.exporter import export
from export.options import Options
from export.roles import MatteRole
from tests.export.checkpoints import make_ready, make_repository


def test_exporters_at_once_get_one_number_each_and_leave_nothing_behind(repository: Path) -> None:
    start = threading.Barrier(12)

    def publish(mark: int) -> None:
        with versions.staging(repository, "main_matte") as staged:
            (staged / "model.onnx").write_text(str(mark))
            start.wait()
            versions.publish(staged)

    threads = [threading.Thread(target=publish, args=(mark,)) for mark in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sorted(path for path in (repository / "main_matte").iterdir() if path.is_dir())
    assert {path.name for path in found} == {str(number) for number in range(1, 13)}
    assert {(path / "model.onnx").read_text() for path in found} == {str(mark) for mark in range(12)}


def test_the_next_version_follows_the_greatest_number(repository: Path) -> None:
    folder = repository / "main_matte"
    for name in ("2", "10", "configs", ".export-left"):
        (folder / name).mkdir()
    assert versions.next_version(folder) == 11
    (folder / "10" / "model.onnx").touch()
    with versions.staging(repository, "main_matte") as staged:
        assert versions.publish(staged).name == "11"


def test_a_wanted_version_must_be_free(repository: Path, main_role: MatteRole, tmp_path: Path) -> None:
    path = str(make_ready(tmp_path / "model.onnx"))
    assert export(main_role, path, Options(repository, version=7)).folder.name == "7"
    for number, words in ((7, "exists already"), (0, "no version"), (-3, "no version")):
        with pytest.raises(UsageError, match=words):
            export(main_role, path, Options(repository, version=number))


def test_an_interrupted_export_leaves_no_folder(repository: Path) -> None:
    def interrupted() -> None:
        with versions.staging(repository, "main_matte") as staged:
            (staged / "model.onnx").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in (repository / "main_matte").iterdir()] == ["config.pbtxt"]


def test_what_a_killed_exporter_left_is_swept_and_what_one_at_work_has_is_not(repository: Path) -> None:
    folder = repository / "main_matte"
    (folder / ".export-left").mkdir()
    (folder / ".export-left" / "model.onnx").touch()
    with versions.staging(repository, "main_matte") as first, versions.staging(repository, "main_matte") as second:
        assert {path.name for path in folder.iterdir()} == {"config.pbtxt", first.name, second.name}


@pytest.mark.parametrize("caught", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_leaves_no_folder(caught: signal.Signals, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository", 1024)
    folder = repository / "product_matte"
    words = ["product_matte", "--checkpoint", str(make_ready(tmp_path / "model.onnx", 1024))]
    with subprocess.Popen([sys.executable, "-m", "export", *words, "--repository", str(repository)]) as running:
        while running.poll() is None and not list(folder.glob(".export-*")):
            time.sleep(0.01)
        running.send_signal(caught)
    assert running.returncode == 128 + caught
    assert [path.name for path in folder.iterdir()] == ["config.pbtxt"]


def test_figures_are_added_to_a_version_and_replace_those_of_the_same_name(
    repository: Path, main_role: MatteRole, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, later = tmp_path / "first.json", tmp_path / "later.json"
    first.write_text('{"mean_iou": 0.9, "mae": 0.02}')
    later.write_text('{"mean_iou": 0.95, "pictures": 500}')
    done = export(main_role, str(make_ready(tmp_path / "model.onnx")), Options(repository, figures=first))
    before = json.loads((done.folder / "model.json").read_text())
    words = ["figures", "main_matte", "1", "--json", str(later), "--repository", str(repository)]
    assert main(words) == 0
    after = json.loads((done.folder / "model.json").read_text())
    assert after["figures"] == {"mean_iou": 0.95, "mae": 0.02, "pictures": 500}
    assert {**after, "figures": before["figures"]} == before
    assert "mean_iou: 0.95" in capsys.readouterr().out
    assert sorted(path.name for path in done.folder.iterdir()) == ["model.json", "model.onnx"]


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_figures_for_a_version_with_a_damaged_card_are_refused(text: str, repository: Path, tmp_path: Path) -> None:
    (repository / "main_matte" / "1").mkdir()
    (repository / "main_matte" / "1" / "model.json").write_text(text)
    (tmp_path / "figures.json").write_text('{"mae": 0.02}')
    with pytest.raises(UsageError, match=r"model\.json: not"):
        figures.add(repository, "main_matte", "1", tmp_path / "figures.json")


@pytest.mark.parametrize("text", ['{"a": "b"}', '{"a": true}', '{"a": NaN}', "[1]", "{"])
def test_figures_are_finite_numbers(text: str, tmp_path: Path) -> None:
    from export.figures import read

    (tmp_path / "figures.json").write_text(text)
    with pytest.raises(UsageError):
        read(tmp_path / "figures.json")
