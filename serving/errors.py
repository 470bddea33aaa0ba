"""What can be wrong with a machine, a server or a model repository, each with the command that cures it."""

__all__ = [
    "CONTAINER",
    "CrashedError",
    "GatewayFailedError",
    "InstallError",
    "InterpreterError",
    "LibpythonError",
    "PlatformError",
    "PortTakenError",
    "RepositoryError",
    "ServerMissingError",
    "ServingError",
    "SettingsError",
    "SharedMemoryError",
    "StartError",
]


CONTAINER = (
    "TRITON_IMAGE=IMAGE docker compose up --build, where IMAGE is your machine's name for NVIDIA's tritonserver image "
    "24.10-py3"
)
"""The cure that needs no wheel: NVIDIA's server in a container."""


class ServingError(Exception):
    """A reason why nothing can be served; `cure` is what to do about it, a command wherever there is one."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(f"{problem}\n  cure: {cure}")
        self.problem = problem
        self.cure = cure


class SettingsError(ServingError):
    """A variable has a value that its setting does not take."""


class PlatformError(ServingError):
    """The wheel's server does not run on this operating system, processor or C library."""


class InterpreterError(ServingError):
    """No Python of a version that the server's environment can use."""


class LibpythonError(ServingError):
    """The shared library of the interpreter, which Triton's Python stub loads, is missing."""


class InstallError(ServingError):
    """The server's environment could not be made."""


class ServerMissingError(ServingError):
    """The server that the settings ask for is not there."""


class PortTakenError(ServingError):
    """Another process listens on a port that the server or the gateway needs."""


class SharedMemoryError(ServingError):
    """The shared memory (/dev/shm) has no room for the Python steps."""


class RepositoryError(ServingError):
    """A model repository is not there, or nothing in it can be served."""


class StartError(ServingError):
    """The server ended, or did not come up in time, before it served anything."""


class CrashedError(StartError):
    """The server crashed while it loaded its models."""


class GatewayFailedError(ServingError):
    """The gateway ended, or did not come up in time, before it answered."""
