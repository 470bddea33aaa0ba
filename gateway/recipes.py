"""Recipe photos: what the pipeline says of one, and the routing file as the gateway sees it."""

import hashlib
from dataclasses import dataclass

import structlog
from pydantic import BaseModel, Field

from gateway.pipelines import RECIPE_PHOTO
from gateway.repository import template_digest
from gateway.settings import Settings
from imaging.routing import FILE, Routing, RoutingError
from imaging.rulebook import Rulebook

log = structlog.get_logger("gateway.recipes")


class Guess(BaseModel):
    """A keyword and its probability, 0 to 1."""

    keyword: str
    confidence: float


class RulesFacts(BaseModel):
    """Which routing file decided."""

    sha256: str = Field(description="of the routing file in force")
    problem: str | None = Field(None, description="what is wrong with a newer one, which is not in force")


class Routed(BaseModel):
    """What is in a photo and where it went; `confidence` is 0 to 1."""

    keyword: str
    confidence: float
    keywords: list[Guess]
    classified: bool
    route: str
    reason: str
    review_below: float
    dry_run: bool
    pipeline: str | None
    notes: list[str]
    rules: RulesFacts


@dataclass(frozen=True, slots=True)
class Known:
    """The rules in force as the gateway reads them, None where it cannot; `digest` is theirs and their templates'."""

    rules: Routing | None
    sha256: str = ""
    digest: str = ""
    problem: str = ""


class Rules:
    """The routing file in the model repository, which Triton reads, too. What changes is read again."""

    def __init__(self, settings: Settings) -> None:
        self._templates = settings.templates
        self._rulebook = Rulebook(settings.model_repository / RECIPE_PHOTO.name / FILE)
        self._problem = ""

    def now(self) -> Known:
        """Raises OSError where a template cannot be read."""
        try:
            found = self._rulebook.current()
        except RoutingError as error:
            self._tell(str(error))
            return Known(None, problem=str(error))
        self._tell(found.problem)
        parts = [found.sha256]
        parts += [
            f"{name} {template_digest(self._templates, name, number)}" for name, number in found.rules.templates()
        ]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return Known(found.rules, found.sha256, digest, found.problem)

    def _tell(self, problem: str) -> None:
        if problem and problem != self._problem:
            log.warning("the routing file cannot be taken", problem=problem)
        self._problem = problem
