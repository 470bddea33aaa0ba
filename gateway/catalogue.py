"""What is served: Triton's inventory joined with the model cards (`model.json`) of the model repository."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog
from google.protobuf import text_format
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tritonclient.grpc import model_config_pb2

from gateway.errors import PipelineDownError, PipelineNotServedError
from gateway.inference import Inference, Inventory, is_network

log = structlog.get_logger("gateway.catalogue")

RETRY_AFTER_S = 5.0


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


class Model(BaseModel):
    """A network by its role."""

    role: str = Field(description="the network's name in Triton")
    served: bool
    served_version: int | None = Field(None, description="the version that answers now")
    versions: list[Card] = Field(description="all versions in the repository, newest first")
    pipelines: list[str] = Field(description="served pipelines that use the network")
    reason: str | None = Field(None, description="why the network is not served")
    command: str | None = Field(None, description="the command that would make a version to serve")


@dataclass(frozen=True, slots=True)
class Served:
    """A served pipeline: its network, the version of it, and an identity that changes whenever a step's model does."""

    model: str
    version: int
    identity: str


class Catalogue:
    """Knows the inventory as of the last `refresh`; asks Triton and reads cards there, and nowhere else."""

    def __init__(self, repository: Path, inference: Inference) -> None:
        self._repository = repository
        self._inference = inference
        self._inventory: Inventory | None = None
        self._cards: dict[str, list[Card]] = {}

    async def refresh(self) -> None:
        """Raises the inference's GatewayError; what was known stays known."""
        self._inventory = await self._inference.inventory()
        try:
            self._cards = await asyncio.to_thread(read_cards, self._repository)
        except OSError as error:
            log.warning("the model repository cannot be read", error=repr(error))

    @property
    def known(self) -> bool:
        return self._inventory is not None

    def pipeline(self, name: str) -> Served:
        """A pipeline's network and version. Raises PipelineDownError before the first refresh, else not served."""
        if self._inventory is None:
            raise PipelineDownError("Triton has not answered yet", retry_after_s=RETRY_AFTER_S)
        steps = self._inventory.steps.get(name)
        if steps is None:
            raise PipelineNotServedError(f"{name} is not served, see /v1/models", retry_after_s=RETRY_AFTER_S)
        network = next((step for step in steps if step in self._inventory.networks), name)
        return Served(network, self._version(network), "+".join(self._fingerprint(step) for step in (name, *steps)))

    def models(self) -> list[Model]:
        """Every network that Triton or the repository knows."""
        served = self._inventory.networks if self._inventory else frozenset[str]()
        return [self._model(name, name in served) for name in sorted(served | self._cards.keys())]

    def _model(self, name: str, served: bool) -> Model:  # noqa: FBT001 - private, one caller
        inventory, cards = self._inventory or Inventory(), self._cards.get(name, [])
        return Model(
            role=name,
            served=served,
            served_version=self._version(name) if served else None,
            versions=cards,
            pipelines=sorted(pipeline for pipeline, steps in inventory.steps.items() if name in steps),
            reason=None if served else self._reason(name),
            command=None if served or cards else f"python -m export {name} --checkpoint DIR_OR_HUB_ID",
        )

    def _reason(self, name: str) -> str:
        if self._inventory is None:
            return "Triton has not answered yet"
        if not self._cards.get(name):
            return "no version has been exported"
        return "Triton has not loaded it"

    def _version(self, name: str) -> int:
        versions = self._inventory.versions.get(name, ()) if self._inventory else ()
        return max(versions, default=0)

    def _fingerprint(self, name: str) -> str:
        version = self._version(name)
        digest = next((card.sha256 for card in self._cards.get(name, []) if card.version == version), None)
        return f"{name}:{version}:{(digest or '')[:16]}"


def read_cards(repository: Path) -> dict[str, list[Card]]:
    """Of every network in the repository its versions, newest first; a version without a readable card is bare."""
    configs = sorted(repository.glob("*/config.pbtxt"))
    return {path.parent.name: _versions(path.parent) for path in configs if _holds_network(path)}


def _versions(folder: Path) -> list[Card]:
    numbered = [path for path in folder.iterdir() if path.name.isdigit() and _has_artefact(path)]
    return [_card(path) for path in sorted(numbered, key=lambda path: -int(path.name))]


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


def _holds_network(path: Path) -> bool:
    try:
        return is_network(text_format.Parse(path.read_text("utf-8"), model_config_pb2.ModelConfig()))
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        log.warning("a config.pbtxt cannot be read", path=str(path), error=repr(error))
        return False
