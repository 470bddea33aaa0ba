"""Which profile belongs to which network."""

from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.drift import profile
from gateway.drift.profile import ProfileError, Reference
from gateway.drift_settings import DriftSettings

log = structlog.get_logger("gateway.drift")

Version = Callable[[str], int]


class Profiles:
    """The operator's profile for the network that it names; for the others that beside the version that is served."""

    def __init__(self, settings: DriftSettings, repository: Path, version: Version) -> None:
        self._settings = settings
        self._repository = repository
        self._version = version
        self._problems: dict[str, str] = {}

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong with profiles that were found, by their paths."""
        return dict(self._problems)

    def path(self, network: str) -> Path:
        """Where the profile beside the served version would be."""
        return self._repository / network / str(self._version(network)) / profile.NAME

    def find(self, network: str) -> Reference | None:
        """Reads files: for a thread. None where there is none, or none that can be used."""
        configured = self._read(self._settings.drift_profile) if self._settings.drift_profile else None
        if configured is not None and configured.profile.network == network:
            return configured
        beside = self.path(network)
        return self._read(beside) if beside.is_file() else None

    def _read(self, path: Path) -> Reference | None:
        try:
            found = profile.load(path)
        except ProfileError as error:
            if self._problems.get(str(path)) != str(error):
                log.warning("a drift profile cannot be used", detail=str(error))
            self._problems[str(path)] = str(error)
            return None
        self._problems.pop(str(path), None)
        return found
