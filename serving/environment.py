"""The server's own Python environment: made once from pinned requirements, known again by a stamp."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serving import interpreter
from serving.errors import InstallError
from serving.interpreter import Interpreter

__all__ = ["REQUIREMENTS", "Environment", "ensure", "known", "stamp_of"]

REQUIREMENTS = Path(__file__).with_name("requirements-triton.txt")
_STAMP = "darkroom.json"


@dataclass(frozen=True)
class Environment:
    """A finished environment; `library` is the folder of its libpython, `version` its Python's (3, minor)."""

    root: Path
    version: tuple[int, int]
    library: Path

    @property
    def python(self) -> Path:
        return self.root / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        return self.root / "lib" / f"python{self.version[0]}.{self.version[1]}" / "site-packages"

    @property
    def server(self) -> Path:
        """The wheel's server folder: `bin/`, `backends/`, `python_backend_stubs/`."""
        return self.site_packages / "pytriton" / "tritonserver"


def stamp_of(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def known(root: Path, requirements: Path) -> Environment | None:
    """The environment in `root` when it was finished from these requirements and its parts are still there."""
    try:
        stamp = json.loads((root / _STAMP).read_text())
        found = Environment(root, (3, int(stamp["minor"])), Path(stamp["library"]))
        soname = str(stamp["soname"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = stamp.get("requirements") == stamp_of(requirements) and found.python.exists()
    return found if whole and found.server.is_dir() and (found.library / soname).is_file() else None


def ensure(root: Path, asked_python: str = "", say: Callable[[str], None] = print) -> Environment:
    """The environment in `root`, made when it is missing, stale or half-made.

    Raises:
        InterpreterError, LibpythonError, InstallError
    """
    with _alone():
        found = known(root, REQUIREMENTS)
        if found:
            return found
        python = interpreter.find(asked_python)
        library = interpreter.library_directory(python)
        _make(root, python, say)
        stamp = {
            "requirements": stamp_of(REQUIREMENTS),
            "minor": python.version[1],
            "library": str(library),
            "soname": python.soname,
        }
        (root / _STAMP).write_text(json.dumps(stamp, indent=1) + "\n")
        return Environment(root, python.minor, library)


@contextmanager
def _alone() -> Iterator[None]:
    """Two launchers that start together install once: the second waits and finds the first one's work."""
    with REQUIREMENTS.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(root: Path, python: Interpreter, say: Callable[[str], None]) -> None:
    if root.exists():
        say(f"{root} is stale or was left half-made: making it anew")
        _discard(root)
    version = ".".join(map(str, python.version))
    say(f"making the server's environment {root} with Python {version} (once; about 500 MB)")
    pip = [str(root / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    _step(
        [str(python.path), "-m", "venv", str(root)], "apt-get install python3-venv, or SERVING_PYTHON=/path/to/python"
    )
    say(f"installing Triton, ONNX Runtime, Pillow and OpenCV from {REQUIREMENTS.name}")
    requirements = ["--no-deps", "--only-binary=:all:", "-r", str(REQUIREMENTS)]
    _step([*pip, "install", "--quiet", *requirements], "see that the package index can be reached, then start again")
    _step([*pip, "check"], f"correct {REQUIREMENTS}")


def _discard(root: Path) -> None:
    """Only a folder that a venv was made in (or an empty one) is ever removed."""
    if any(root.iterdir()) and not (root / "pyvenv.cfg").exists():
        raise InstallError(f"{root} is not an environment of ours", f"mv {root} {root}.old, or SERVING_ENVIRONMENT_DIR")
    shutil.rmtree(root)


def _step(command: list[str], cure: str) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        done = subprocess.run(command, env=clean, capture_output=True, text=True, check=False)
    except OSError as error:
        raise InstallError(f"{command[0]} could not be run: {error}", cure) from error
    if done.returncode != 0:
        tail = "\n    ".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise InstallError(f"{' '.join(command)} failed:\n    {tail}", cure)
