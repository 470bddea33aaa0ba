"""Where the server comes from: the wheel in its own environment, or a `tritonserver` on PATH."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serving import backend_directory, environment, machine
from serving.environment import Environment
from serving.errors import CONTAINER, ServerMissingError
from serving.settings import ROOT, ServingSettings

__all__ = ["Origin", "Server", "backends", "discover", "origin"]

Origin = Literal["external", "path", "wheel"]


@dataclass(frozen=True)
class Server:
    """A server that can be started; `backends` are the names it has, None when that is not known."""

    origin: Origin
    executable: Path
    variables: Mapping[str, str]
    backend_directory: Path | None = None
    backends: frozenset[str] | None = None


def origin(settings: ServingSettings) -> Origin:
    """Which server the settings mean; `auto` takes the first that is there, and the wheel's can always be made.

    Raises:
        ServerMissingError: an external server is asked for without its URL.
    """
    if settings.triton == "external" and not settings.external_url:
        raise ServerMissingError("an external server is asked for, but not where", "SERVING_EXTERNAL_URL=host:8001")
    if settings.triton != "auto":
        return settings.triton
    if settings.external_url:
        return "external"
    return "path" if shutil.which("tritonserver") else "wheel"


def backends(settings: ServingSettings) -> frozenset[str] | None:
    """Names of the backends of the server that the settings mean, None when they are not known."""
    if origin(settings) != "wheel":
        return None
    return frozenset({"python", *(path.name for path in (ROOT / "backends").iterdir() if path.is_dir())})


def discover(settings: ServingSettings, say: Callable[[str], None] = print) -> Server:
    """The server to start, its environment made when it is missing.

    Raises:
        PlatformError, InterpreterError, LibpythonError, InstallError, ServerMissingError
    """
    if origin(settings) == "path":
        return _on_path()
    machine.require_platform()
    machine.require_libc()
    made = environment.ensure(settings.environment_dir, settings.python, say)
    folder = backend_directory.assemble(made, ROOT / "backends")
    program = made.server / "bin" / "tritonserver"
    return Server("wheel", program, _wheel_variables(made), folder, backends(settings))


def _on_path() -> Server:
    found = shutil.which("tritonserver")
    if found is None:
        raise ServerMissingError("there is no tritonserver on PATH", f"SERVING_TRITON=wheel, or {CONTAINER}")
    return Server("path", Path(found), _variables(os.environ, [str(ROOT)]))


def _wheel_variables(made: Environment) -> dict[str, str]:
    variables = _variables(os.environ, [str(ROOT), str(made.site_packages)], inherit_python_path=False)
    libraries = [str(made.library), str(made.site_packages / "nvidia_pytriton.libs")]
    variables.pop("PYTHONHOME", None)
    # The stub's embedded Python finds its standard library through the python3 that is first on PATH.
    variables["PATH"] = os.pathsep.join([str(made.root / "bin"), os.environ.get("PATH", os.defpath)])
    variables["VIRTUAL_ENV"] = str(made.root)
    variables["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [*libraries, os.environ.get("LD_LIBRARY_PATH")]))
    return variables


def _variables(
    inherited: Mapping[str, str], python_path: list[str], *, inherit_python_path: bool = True
) -> dict[str, str]:
    """One thread per process for the numeric libraries: instances are what makes use of the cores."""
    own = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if inherit_python_path and inherited.get("PYTHONPATH"):
        python_path = [*python_path, inherited["PYTHONPATH"]]
    return {**threads, **inherited, **own, "PYTHONPATH": os.pathsep.join(python_path)}
