class ExportError(Exception):
    """Base of everything this package refuses; its text is one line and fit to be shown."""


class UsageError(ExportError):
    """The command line is wrong: unknown role, unknown option, options that exclude each other."""


class CheckpointError(ExportError):
    """The checkpoint is missing, damaged or of a kind that the role cannot serve."""


class HubError(CheckpointError):
    """The model hub does not answer or does not have what was asked for."""


class RemoteCodeError(CheckpointError):
    """The checkpoint brings its own Python code and nobody said that it may run."""


class LicenceError(ExportError):
    """The weights' licence does not allow what was asked for."""


class ContractError(ExportError):
    """Role, graph and config.pbtxt do not say the same."""


class ProofError(ExportError):
    """The exported model differs from its reference by more than the role tolerates; `table` shows every check."""

    def __init__(self, message: str, table: str) -> None:
        super().__init__(message)
        self.table = table


class SessionError(ExportError):
    """ONNX Runtime refuses a graph or an input; the text is its first line."""


class EngineError(ExportError):
    """The engine that was asked for cannot be built on this machine."""
