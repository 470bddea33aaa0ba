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

__all__ = ["REQUIREMENTS", "Environment", "ensure", "known", "stamp_of"]

REQUIREMENTS = Path(__file__).with_name("requirements-triton.txt")
_STAMP = "darkroom.json"


@dataclass(frozen=True)
class Environment:
    """A finished environment; `library` is the folder of its libpython, `pins` the hash of what was installed."""

    root: Path
    version: tuple[int, int]
    library: Path
    pins: str

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


def known(root: Path) -> Environment | None:
    """The environment in `root` when it was finished once and its parts are still there."""
    try:
        stamp = json.loads((root / _STAMP).read_text())
        found = Environment(root, (3, int(stamp["minor"])), Path(stamp["library"]), str(stamp["requirements"]))
        soname = str(stamp["soname"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = found.python.exists() and found.server.is_dir() and (found.library / soname).is_file()
    return found if whole else None


def ensure(root: Path, asked_python: str = "", say: Callable[[str], None] = print) -> Environment:
    """The environment in `root`: made when it is missing or half-made, brought up to date when the pins changed.

    The stamp is taken away first and written last, so that whatever is interrupted is known to be half-made.

    Raises:
        InterpreterError, LibpythonError, InstallError
    """
    with _alone():
        pins, found = stamp_of(REQUIREMENTS), known(root)
        if found and found.pins == pins:
            return found
        version, library = (found.version, found.library) if found else _make(root, asked_python, say)
        (root / _STAMP).unlink(missing_ok=True)
        _install(root, say)
        made = Environment(root, version, library, pins)
        (root / _STAMP).write_text(json.dumps(_stamp(made), indent=1) + "\n")
        return made


def _stamp(made: Environment) -> dict[str, str | int]:
    soname = f"libpython3.{made.version[1]}.so.1.0"
    return {"requirements": made.pins, "minor": made.version[1], "library": str(made.library), "soname": soname}


@contextmanager
def _alone() -> Iterator[None]:
    """Two launchers that start together install once: the second waits and finds the first one's work."""
    with REQUIREMENTS.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _make(root: Path, asked_python: str, say: Callable[[str], None]) -> tuple[tuple[int, int], Path]:
    python = interpreter.find(asked_python)
    library = interpreter.library_directory(python)
    if root.exists():
        say(f"{root} was left half-made, or its Python is gone: making it anew")
        _discard(root)
    version = ".".join(map(str, python.version))
    say(f"making the server's environment {root} with Python {version} (once; about 600 MB)")
    cure = "apt-get install python3-venv, or SERVING_PYTHON=/path/to/another/python3.11"
    _step([str(python.path), "-m", "venv", str(root)], cure)
    return python.minor, library


def _install(root: Path, say: Callable[[str], None]) -> None:
    say(f"installing Triton, ONNX Runtime, Pillow, OpenCV and tokenizers from {REQUIREMENTS.name}")
    pip = [str(root / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
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
