"""Finds a Python that the server's environment can be made with, and the shared library that Triton's stub loads."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.errors import InterpreterError, LibpythonError

__all__ = ["SUPPORTED", "Interpreter", "find", "library_directory", "probe"]

SUPPORTED = ((3, 11), (3, 12), (3, 10))
"""Versions for which the wheel has a stub and NumPy 1.26 has wheels, best first."""

_QUESTION = """
import json, sys, sysconfig
print(json.dumps({"version": sys.version_info[:3], "prefix": sys.base_prefix,
                  "executable": getattr(sys, "_base_executable", None) or sys.executable,
                  "library": sysconfig.get_config_var("LIBDIR") or ""}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine; `libraries` are the folders where its own libpython may lie."""

    path: Path
    version: tuple[int, int, int]
    libraries: tuple[Path, ...]

    @property
    def minor(self) -> tuple[int, int]:
        return self.version[:2]

    @property
    def soname(self) -> str:
        return f"libpython{self.version[0]}.{self.version[1]}.so.1.0"


def probe(path: str | Path) -> Interpreter | None:
    """Ask the program what it is; None when it is no Python that runs."""
    command = [str(path), "-I", "-c", _QUESTION]
    try:
        answer = subprocess.run(command, capture_output=True, check=True, timeout=20, text=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    facts = json.loads(answer)
    libraries = dict.fromkeys(Path(folder) for folder in (f"{facts['prefix']}/lib", facts["library"]) if folder)
    major, minor, micro = facts["version"]
    return Interpreter(Path(facts["executable"]), (major, minor, micro), tuple(libraries))


def find(asked: str = "", names: Sequence[str] | None = None) -> Interpreter:
    """The interpreter asked for, else this one, else the best of the suitable ones on PATH.

    Raises:
        InterpreterError: none of Python 3.10, 3.11, 3.12 is there; newer ones break NumPy 1.26, older ones the imaging.
    """
    candidates = [asked] if asked else names or [sys.executable, *(f"python3.{minor}" for _, minor in SUPPORTED)]
    found = [interpreter for name in candidates if (interpreter := probe(name))]
    suitable = [interpreter for interpreter in found if interpreter.minor in SUPPORTED]
    if suitable:
        return suitable[0]
    seen = ", ".join(dict.fromkeys(f"{'.'.join(map(str, one.version))} ({one.path})" for one in found)) or "none"
    raise InterpreterError(
        f"Triton's Python stub needs Python 3.10, 3.11 or 3.12; found {seen}",
        "install one (Debian: apt-get install python3.11 python3.11-venv; uv: uv python install 3.11; "
        "pyenv: pyenv install 3.11), or name it: SERVING_PYTHON=/path/to/python3.11",
    )


def library_directory(interpreter: Interpreter, system: Iterable[Path] | None = None) -> Path:
    """Folder of the interpreter's libpython, its own before the system's (a folder of `ldconfig -p`).

    Raises:
        LibpythonError: there is none, and it could not be installed.
    """
    own = [folder for folder in interpreter.libraries if (folder / interpreter.soname).is_file()]
    folders = own or list(_registered(interpreter.soname) if system is None else system)
    if folders:
        return folders[0]
    return _install(interpreter)


def _registered(soname: str) -> list[Path]:
    ldconfig = shutil.which("ldconfig", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if ldconfig is None:
        return []
    listing = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False).stdout
    paths = [Path(line.split("=> ")[1]) for line in listing.splitlines() if line.strip().startswith(f"{soname} ")]
    return [path.parent for path in paths if path.is_file()]


def _install(interpreter: Interpreter) -> Path:
    package = f"libpython3.{interpreter.version[1]}"
    command = ["apt-get", "install", "--yes", "--no-install-recommends", package]
    error = LibpythonError(
        f"{interpreter.soname} of {interpreter.path} is missing: Triton's Python stub cannot start without it",
        f"sudo {' '.join(command)}; or use a Python built with --enable-shared "
        "(uv python install 3.11, or PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install 3.11) "
        "and SERVING_PYTHON=/path/to/it",
    )
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise error
    print(f"installing {package}, which Triton's Python stub loads: {' '.join(command)}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        subprocess.run(step, check=False, env=quiet, capture_output=True)
    folders = _registered(interpreter.soname)
    if not folders:
        raise error
    return folders[0]
