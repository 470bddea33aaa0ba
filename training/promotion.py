"""How an exported candidate becomes the version that is served."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export import versions

MODEL = "model.onnx"


@dataclass(frozen=True)
class Versions:
    """Of a role in a model repository. `error` is raised for whatever a user should know."""

    repository: Path
    role: str
    error: type[Exception]

    def __post_init__(self) -> None:
        if not (self.folder / versions.CONFIG).is_file():
            raise self.error(f"{self.repository}: no model repository with {self.role}")

    @property
    def folder(self) -> Path:
        return self.repository / self.role

    def newest(self) -> Path | None:
        """The version that is served; an error where it is no ONNX file."""
        numbers = versions.numbers(self.folder)
        if not numbers:
            return None
        newest = self.folder / str(max(numbers))
        if not (newest / MODEL).is_file():
            raise self.error(f"{newest}: the served version has no {MODEL} to compare with")
        return newest

    def card(self, candidate: Path) -> dict[str, Any]:
        """model.json of an export whose proof holds, of this very file."""
        path = candidate / versions.CARD
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            digest = hashlib.sha256((candidate / MODEL).read_bytes()).hexdigest()
        except (OSError, ValueError) as error:
            raise self.error(f"{candidate}: no version as export writes one ({error})") from error
        if not isinstance(card, dict) or card.get("role") != self.role:
            raise self.error(f"{path}: is not of {self.role}")
        if card.get("sha256") != digest:
            raise self.error(f"{path}: is of another {MODEL}; its SHA-256 differs")
        rows = card.get("proof")
        if not isinstance(rows, list) or not rows or not all(row.get("ok") for row in rows):
            raise self.error(f"{path}: has no proof that holds")
        return card

    def publish(self, candidate: Path, compared: Path | None, card: dict[str, Any], *more: Path) -> Path:
        """Copy the candidate's files, and `more`, as the next version, unless another came since `compared`."""
        with versions.staging(self.repository, self.role) as staged:
            for file in [*sorted(one for one in candidate.iterdir() if one.is_file()), *more]:
                shutil.copy2(file, staged / file.name)
            versions.write_card(staged, card)
            if self.newest() != compared:
                raise self.error(f"{self.folder}: another version came while this one was measured; try again")
            return versions.publish(staged)
