"""Which Python the server's environment is made with, and where its library lies."""

import sys
from pathlib import Path

import pytest

from serving import interpreter
from serving.errors import InterpreterError, LibpythonError
from serving.interpreter import Interpreter


def fake_python(path: Path, version: str) -> str:
    """A program that answers as a Python of that version does."""
    path.write_text(
        f'#!/bin/sh\necho \'{{"version": [{version}], "prefix": "/p", "executable": "{path}", "library": ""}}\'\n'
    )
    path.chmod(0o755)
    return str(path)


def test_this_interpreter_knows_itself() -> None:
    found = interpreter.probe(sys.executable)
    assert found is not None
    assert found.version == sys.version_info[:3]


@pytest.mark.parametrize("version", ["3, 13, 0", "3, 9, 18", "3, 14, 1"])
def test_a_python_that_is_too_new_or_too_old_is_named_with_the_cure(tmp_path: Path, version: str) -> None:
    path = fake_python(tmp_path / "python3", version)
    with pytest.raises(InterpreterError, match=version.replace(", ", r"\.")) as caught:
        interpreter.find(names=[path, str(tmp_path / "python3.11")])
    assert "apt-get install python3.11" in caught.value.cure
    assert "SERVING_PYTHON=" in caught.value.cure


def test_a_suitable_python_on_path_is_taken_when_the_running_one_is_too_new(tmp_path: Path) -> None:
    new, fit = fake_python(tmp_path / "python3", "3, 13, 0"), fake_python(tmp_path / "python3.12", "3, 12, 1")
    assert interpreter.find(names=[new, fit]).path == Path(fit)


def test_the_python_that_is_asked_for_is_not_replaced_by_another(tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match=r"3\.13\.0"):
        interpreter.find(asked=fake_python(tmp_path / "mine", "3, 13, 0"))


def test_what_is_no_python_is_no_candidate(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    assert interpreter.probe(tmp_path / "text") is None
    assert interpreter.probe(tmp_path / "missing") is None
    assert interpreter.probe("/bin/false") is None


def test_the_interpreters_own_library_comes_before_the_systems(tmp_path: Path) -> None:
    own, system = tmp_path / "own", tmp_path / "system"
    own.mkdir()
    python = Interpreter(Path("python3.11"), (3, 11, 7), (own,))
    assert interpreter.library_directory(python, [system]) == system
    (own / "libpython3.11.so.1.0").touch()
    assert interpreter.library_directory(python, [system]) == own


def test_a_library_that_no_package_brings_is_an_error_that_names_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no apt-get there
    with pytest.raises(LibpythonError, match=r"libpython3\.99\.so\.1\.0") as caught:
        interpreter.library_directory(Interpreter(tmp_path / "python", (3, 99, 0), ()), [])
    assert "libpython3.99" in caught.value.cure
    assert "uv python install" in caught.value.cure
