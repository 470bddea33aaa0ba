"""The stamp of the server's environment: a finished one is known again, anything else is made anew."""

import json
from pathlib import Path

import pytest

from serving import environment
from serving.environment import Environment
from serving.errors import InstallError, InterpreterError


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The parts of an environment that its stamp vouches for."""
    root = tmp_path / ".triton"
    (root / "lib/python3.11/site-packages/pytriton/tritonserver").mkdir(parents=True)
    (root / "bin").mkdir()
    (root / "bin/python").touch()
    (root / "pyvenv.cfg").touch()
    (tmp_path / "libpython3.11.so.1.0").touch()
    pins = environment.stamp_of(environment.REQUIREMENTS)
    stamp = {"requirements": pins, "minor": 11, "library": str(tmp_path), "soname": "libpython3.11.so.1.0"}
    (root / "darkroom.json").write_text(json.dumps(stamp))
    return root


def test_a_finished_environment_is_used_as_it_is_and_nothing_is_said(finished: Path) -> None:
    said: list[str] = []
    found = environment.ensure(finished, "/no/such/python", said.append)
    assert found == Environment(finished, (3, 11), finished.parent, environment.stamp_of(environment.REQUIREMENTS))
    assert said == []


@pytest.mark.parametrize("part", ["darkroom.json", "bin/python", "../libpython3.11.so.1.0"])
def test_an_environment_that_lost_a_part_is_not_known(finished: Path, part: str) -> None:
    (finished / part).unlink()
    assert environment.known(finished) is None


@pytest.mark.parametrize("stamp", ["", "{", "[]", '{"minor": "x"}'])
def test_a_damaged_stamp_is_not_believed(finished: Path, stamp: str) -> None:
    (finished / "darkroom.json").write_text(stamp)
    assert environment.known(finished) is None


def test_other_pins_are_installed_into_the_environment_that_is_there(finished: Path) -> None:
    stamp = json.loads((finished / "darkroom.json").read_text())
    (finished / "darkroom.json").write_text(json.dumps({**stamp, "requirements": "older"}))
    said: list[str] = []
    with pytest.raises(InstallError, match="could not be run"):  # its python is an empty file
        environment.ensure(finished, "/no/such/python", said.append)
    assert "installing" in said[0]
    assert environment.known(finished) is None, "interrupted halfway, it must be made anew"


def test_a_half_made_environment_is_thrown_away_only_when_a_new_one_can_be_made(finished: Path) -> None:
    (finished / "darkroom.json").unlink()
    with pytest.raises(InterpreterError):
        environment.ensure(finished, "/no/such/python")
    assert (finished / "pyvenv.cfg").exists()


def test_a_folder_that_is_no_environment_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear diary")
    with pytest.raises(InstallError, match="is not an environment of ours"):
        environment.ensure(tmp_path)
    assert (tmp_path / "letters.txt").exists()


def test_every_requirement_is_pinned() -> None:
    lines = environment.REQUIREMENTS.read_text().splitlines()
    pins = [line.partition(";")[0] for line in lines if line and not line.startswith("#")]
    assert all(pin.count("==") == 1 for pin in pins)
    assert {"nvidia-pytriton==0.7.0", "numpy==1.26.4"} <= {pin.strip() for pin in pins}
