"""The backend directory: real copies, cached by content."""

from pathlib import Path

import pytest

from serving import backend_directory
from serving.environment import Environment
from serving.errors import InstallError


@pytest.fixture
def made(tmp_path: Path) -> Environment:
    made = Environment(tmp_path / ".triton", (3, 11), tmp_path, "pins")
    for name in (
        "backends/python/libtriton_python.so",
        "backends/python/triton_python_backend_utils.py",
        "backends/python/__pycache__/x.pyc",
        "python_backend_stubs/3.11/triton_python_backend_stub",
        "python_backend_stubs/3.12/triton_python_backend_stub",
    ):
        path = made.server / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return made


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own/onnxruntime/twin").mkdir(parents=True)
    (tmp_path / "own/onnxruntime/model.py").write_text("a = 1")
    (tmp_path / "own/onnxruntime/twin/tensors.py").write_text("b = 1")
    return tmp_path / "own"


def test_the_folder_holds_real_copies_and_the_stub_of_our_python(made: Environment, own: Path) -> None:
    folder = backend_directory.assemble(made, own)
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    assert sorted(files) == [
        "onnxruntime/model.py",
        "onnxruntime/twin/tensors.py",
        "python/libtriton_python.so",
        "python/triton_python_backend_stub",
        "python/triton_python_backend_utils.py",
    ]
    assert not any(path.is_symlink() for path in files.values())
    assert "3.11" in files["python/triton_python_backend_stub"].read_text()
    assert not str(folder).endswith("/")


def test_the_same_sources_give_the_same_folder_and_changed_ones_another(made: Environment, own: Path) -> None:
    first = backend_directory.assemble(made, own)
    assert backend_directory.assemble(made, own) == first
    (own / "onnxruntime/twin/tensors.py").write_text("b = 2")
    second = backend_directory.assemble(made, own)
    assert second != first
    assert (second / "onnxruntime/twin/tensors.py").read_text() == "b = 2"
    assert (first / "onnxruntime/twin/tensors.py").read_text() == "b = 1", "a running server keeps its files"


def test_old_folders_do_not_pile_up(made: Environment, own: Path) -> None:
    for number in range(8):
        (own / "onnxruntime/model.py").write_text(f"a = {number}")
        last = backend_directory.assemble(made, own)
    assert last.is_dir()
    assert len(list(last.parent.iterdir())) <= 4


def test_a_wheel_without_the_stub_of_our_python_is_an_error(made: Environment, own: Path) -> None:
    with pytest.raises(InstallError, match=r"python_backend_stubs/3\.10/triton_python_backend_stub is missing"):
        backend_directory.assemble(Environment(made.root.parent / ".triton", (3, 10), made.library, "pins"), own)
