"""What lies in the model repository: the networks' versions with their cards, and the code of the Python steps."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from google.protobuf import text_format
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tritonclient.grpc import model_config_pb2

from gateway.model_config import is_network

log = structlog.get_logger("gateway.repository")


class Card(BaseModel):
    """A version's `model.json`, as its exporter wrote it."""

    model_config = ConfigDict(extra="ignore")

    version: int = Field(0, description="the version's number in the repository")
    source: str | None = Field(None, description="checkpoint the version was made from")
    revision: str | None = Field(None, description="revision of that checkpoint")
    architecture: str | None = None
    licence: str | None = Field(None, description="SPDX-like name of the weights' licence")
    commercial_use: bool | None = Field(None, description="whether that licence allows commercial use")
    precision: str | None = None
    figures: dict[str, float] = Field(default_factory=dict, description="quality figures, such as mean_iou")
    size_bytes: int | None = None
    date: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """Of every network its versions, newest first; of every Python step's version the hash of its code."""

    cards: Mapping[str, Sequence[Card]] = field(default_factory=dict)
    code: Mapping[tuple[str, int], str] = field(default_factory=dict)

    def digest(self, name: str, version: int) -> str:
        """What tells a version from another one of the same number; empty when nothing is known of it."""
        weights = next((card.sha256 for card in self.cards.get(name, ()) if card.version == version), None)
        return weights or self.code.get((name, version), "")


def read(repository: Path, step_sources: Path) -> Contents:
    """Everything that can be read; `step_sources` holds the code that the steps import. Raises OSError."""
    configs = {path.parent: _config(path) for path in sorted(repository.glob("*/config.pbtxt"))}
    networks = [folder for folder, config in configs.items() if config and is_network(config)]
    steps = [folder for folder, config in configs.items() if config and config.backend == "python"]
    shared = _sources(step_sources)
    code = {
        (folder.name, int(version.name)): _hash(*_sources(version), *shared)
        for folder in steps
        for version in _numbered(folder)
    }
    return Contents({folder.name: _cards(folder) for folder in networks}, code)


def template_digest(templates: Path, name: str, version: int | None) -> str:
    """Hash of a template's version, or of all of them; of nothing, where the gateway sees none. Raises OSError."""
    versions = sorted((templates / name).glob("[1-9]*" if version is None else str(version)))
    return _hash(*(part for folder in versions for part in _files(folder)))


def _files(version: Path) -> Iterable[bytes]:
    """Name and bytes of every file of a template's version, which may be a link that is exchanged at any time."""
    folder = version.resolve()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield from (f"{version.name}/{path.relative_to(folder).as_posix()}".encode(), path.read_bytes())


def _config(path: Path) -> model_config_pb2.ModelConfig | None:
    try:
        return text_format.Parse(path.read_text("utf-8"), model_config_pb2.ModelConfig())
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        log.warning("a config.pbtxt cannot be read", path=str(path), error=repr(error))
        return None


def _cards(folder: Path) -> list[Card]:
    return [_card(path) for path in sorted(_numbered(folder), key=lambda path: -int(path.name))]


def _numbered(folder: Path) -> Iterable[Path]:
    """The folders of versions that hold an artefact."""
    # isdigit() and isdecimal() alone take more than int() or Triton do, such as a superscript two.
    return (path for path in folder.iterdir() if path.name.isascii() and path.name.isdecimal() and _has_artefact(path))


def _has_artefact(version: Path) -> bool:
    return any(version.glob("model.*"))


def _card(version: Path) -> Card:
    try:
        card = Card.model_validate_json((version / "model.json").read_bytes())
    except FileNotFoundError:
        card = Card()
    except (OSError, ValidationError) as error:
        log.warning("a model card cannot be read", path=str(version), error=repr(error))
        card = Card()
    return card.model_copy(update={"version": int(version.name)})


def _sources(folder: Path) -> list[bytes]:
    """Name and text of every Python file in a folder."""
    paths = sorted(folder.rglob("*.py"))
    return [part for path in paths for part in (path.relative_to(folder).as_posix().encode(), path.read_bytes())]


def _hash(*parts: bytes) -> str:
    """One hash; each part counts with its length, so that nothing can move from one to its neighbour."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()
