"""Ready-made ONNX files that cannot be served: one line that says why, and a repository that has not changed."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from export.__main__ import main
from tests.export.checkpoints import make_ready, make_repository, tree


def _file(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    return [str(path)]


READY_FAULTS: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "no ONNX": (lambda path: _file(path, b"no" * 99), "not a readable ONNX file"),
    "empty": (lambda path: _file(path, b""), "not a readable ONNX file"),
    "three channels out": (lambda path: [str(make_ready(path, 1024, channels=3))], "no output is a square map"),
    "two outputs of the same name asked for": (
        lambda path: [str(make_ready(path, 1024)), "--output", "matte"],
        "no matte-like output matte",
    ),
    "four pictures at once": (lambda path: [str(make_ready(path, 1024, batch=4))], "exactly 4 pictures"),
    "another size asked for": (
        lambda path: [str(make_ready(path, 1024)), "--network-size", "512"],
        "takes 1024 x 1024 only",
    ),
    "fp16 made int8": (lambda path: [str(make_ready(path, 1024, half=True)), "--precision", "int8"], "fp16 already"),
    "a file that is not in the folder": (
        lambda path: [str(make_ready(path).parent), "--file", "other.onnx"],
        "no file other.onnx",
    ),
}


@pytest.mark.parametrize(("make", "words"), READY_FAULTS.values(), ids=READY_FAULTS)
def test_a_bad_ready_made_file_is_one_line_and_changes_nothing(
    make: Callable[[Path], list[str]], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = make_repository(tmp_path / "repository", 1024)
    before = tree(repository)
    (tmp_path / "files").mkdir()
    arguments = make(tmp_path / "files" / "model.onnx")
    assert main(["main_matte", "--checkpoint", *arguments, "--repository", str(repository)]) != 0
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert tree(repository) == before


def test_a_checker_error_of_onnx_is_a_checkpoint_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = make_repository(tmp_path / "repository", 1024)
    model = onnx.load(make_ready(tmp_path / "model.onnx"))
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, tmp_path / "model.onnx")
    words = ["main_matte", "--checkpoint", str(tmp_path / "model.onnx"), "--repository", str(repository)]
    assert main(words) == 1
    assert "NoSuchOperator" in capsys.readouterr().err
