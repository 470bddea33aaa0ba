"""The wheel's backend directory: Triton's Python backend, the stub of our Python, and our own backends.

Triton refuses symbolic links in it, and resolves `backend: "onnxruntime"` to `onnxruntime/model.py` through the Python
backend. The folder is named after its contents, so a running server never sees its files change.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from serving.environment import Environment
from serving.errors import InstallError

__all__ = ["assemble"]

_KEPT = 4


def assemble(environment: Environment, own_backends: Path) -> Path:
    """The folder for `--backend-directory`, without a trailing slash (with one, plain Python models do not load).

    Raises:
        InstallError: the wheel has no stub for the environment's Python.
    """
    files = dict(sorted(_files(environment, own_backends)))
    home = environment.root / "backends"
    target = home / _digest(files)
    if not target.is_dir():
        home.mkdir(exist_ok=True)
        _copy(files, home, target)
    os.utime(target)
    _prune(home)
    return target


def _files(environment: Environment, own_backends: Path) -> Iterator[tuple[str, Path]]:
    stub = f"{environment.version[0]}.{environment.version[1]}"
    yield (
        "python/triton_python_backend_stub",
        (environment.server / "python_backend_stubs" / stub / "triton_python_backend_stub"),
    )
    for source in (environment.server / "backends", own_backends):
        for path in source.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(source).as_posix(), path


def _digest(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        if not path.is_file():
            raise InstallError(f"{path} is missing", "rm -r .triton, then start again: it is made anew")
        state = path.stat()
        # The wheel's libraries are large and never edited: size and time tell them apart, ours go in whole.
        content = path.read_bytes() if path.suffix == ".py" else f"{state.st_size} {state.st_mtime_ns}".encode()
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()[:16]


def _copy(files: dict[str, Path], home: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as name:
        fresh = Path(name) / "backends"
        for relative, path in files.items():
            (fresh / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, fresh / relative)
        try:
            fresh.rename(target)
        except OSError:  # another launcher was first with the same contents
            if not target.is_dir():
                raise


def _prune(home: Path) -> None:
    folders = sorted(home.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for stale in folders[_KEPT:]:
        shutil.rmtree(stale, ignore_errors=True)
