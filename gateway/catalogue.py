"""What is served: Triton's inventory joined with what lies in the model repository."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from pydantic import BaseModel, Field

from gateway import repository
from gateway.errors import GatewayError, PipelineChangedError, PipelineDownError, PipelineNotServedError
from gateway.inference import Inference, Inventory
from gateway.model_config import FrameContract
from gateway.repository import Card, Contents
from gateway.settings import Settings

log = structlog.get_logger("gateway.catalogue")

RETRY_AFTER_S = 5.0


class Model(BaseModel):
    """A network by its role."""

    role: str = Field(description="the network's name in Triton")
    served: bool
    served_version: int | None = Field(None, description="the version that answers now")
    versions: Sequence[Card] = Field(description="all versions in the repository, newest first")
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
    """Knows the inventory as of the last `refresh`; asks Triton and reads the repository there, and nowhere else."""

    def __init__(self, settings: Settings, inference: Inference) -> None:
        self._settings = settings
        self._inference = inference
        self._inventory: Inventory | None = None
        self._contents = Contents()
        # The repository as it was when Triton last loaded something: a file that changes later is not served yet.
        self._loaded = Contents()
        self._last_served: dict[str, Served] = {}
        self._was_lost = True
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> None:
        """Raises the inference's GatewayError; what was known stays known."""
        async with self._refreshing:
            try:
                inventory = await self._inference.inventory()
            except GatewayError:
                self._was_lost = True  # it may load other files before it answers again
                raise
            is_new = self._was_lost or not self._inventory or not inventory.continues(self._inventory)
            contents = await self._read()
            if contents:
                self._contents = contents
                self._loaded = contents if is_new else self._loaded
            self._was_lost = is_new and contents is None
            self._inventory = inventory
            self._last_served |= {name: self.pipeline(name) for name in inventory.steps}

    async def _read(self) -> Contents | None:
        try:
            return await asyncio.to_thread(
                repository.read, self._settings.model_repository, self._settings.step_sources
            )
        except OSError as error:
            log.warning("the model repository cannot be read", error=repr(error))
            return None

    def pipeline(self, name: str) -> Served:
        """A pipeline's network and version. Raises PipelineDownError before the first refresh, else not served."""
        if self._inventory is None:
            raise PipelineDownError("Triton has not answered yet", retry_after_s=RETRY_AFTER_S)
        steps = self._inventory.steps.get(name)
        if steps is None:
            raise PipelineNotServedError(f"{name} is not served, see /v1/models", retry_after_s=RETRY_AFTER_S)
        network = next((step for step in steps if step in self._inventory.networks), name)
        return Served(network, self.version(network), "+".join(self._fingerprint(step) for step in (name, *steps)))

    def last_served(self, name: str) -> Served:
        """The pipeline as it is served, or was when it last was; raises like `pipeline` where it never was."""
        return self._last_served.get(name) or self.pipeline(name)

    async def confirm(self, name: str, served: Served) -> None:
        """Asks Triton whether the pipeline is still what it was. Raises PipelineChangedError, or the inference's error.

        The inventory is seconds old; a result that another version made must not be kept under this one's address.
        """
        known = self._inventory
        if known is None or not await self._inference.still_has(known):
            await self.refresh()
        if self.pipeline(name) != served:
            raise PipelineChangedError(f"{name} has just been loaded anew", retry_after_s=RETRY_AFTER_S)

    @property
    def loaded(self) -> frozenset[str]:
        """Names of all models that Triton has loaded."""
        return frozenset(self._inventory.versions) if self._inventory else frozenset()

    @property
    def frames(self) -> Mapping[str, FrameContract]:
        """What the served pipelines take and give that are called frame by frame."""
        return self._inventory.frames if self._inventory else {}

    def models(self) -> list[Model]:
        """Every network that Triton or the repository knows."""
        served = self._inventory.networks if self._inventory else frozenset[str]()
        return [self._model(name, name in served) for name in sorted(served | self._contents.cards.keys())]

    def _model(self, name: str, served: bool) -> Model:  # noqa: FBT001 - private, one caller
        inventory, cards = self._inventory or Inventory(), self._contents.cards.get(name, [])
        return Model(
            role=name,
            served=served,
            served_version=self.version(name) if served else None,
            versions=cards,
            pipelines=sorted(pipeline for pipeline, steps in inventory.steps.items() if name in steps),
            reason=None if served else self._reason(name),
            command=None if served or cards else f"python -m export {name} --checkpoint DIR_OR_HUB_ID",
        )

    def _reason(self, name: str) -> str:
        if self._inventory is None:
            return "Triton has not answered yet"
        if not self._contents.cards.get(name):
            return "no version has been exported"
        return "Triton has not loaded it"

    def version(self, name: str) -> int:
        """The newest version of a model that Triton serves; 0 of one that it does not."""
        versions = self._inventory.versions.get(name, ()) if self._inventory else ()
        return max(versions, default=0)

    def _fingerprint(self, name: str) -> str:
        version = self.version(name)
        config = self._inventory.configs.get(name, "") if self._inventory else ""
        return f"{name}:{version}:{self._loaded.digest(name, version)[:16]}:{config[:16]}"
