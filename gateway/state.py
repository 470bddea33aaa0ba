"""The parts of one running application, handed to the routes by FastAPI."""

from dataclasses import dataclass
from typing import Annotated, Protocol, cast

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from gateway.admission import Admission
from gateway.analyst import Analyst
from gateway.catalogue import Catalogue
from gateway.drift.watch import DriftWatch
from gateway.embeddings import Embeddings
from gateway.fallback import Fallback
from gateway.inference import Inference
from gateway.jobs.keeper import Keeper
from gateway.keywords import Keywords
from gateway.recipes import Rules
from gateway.results import Results
from gateway.segmentation.film import Studio
from gateway.segmentation.relay import Relays
from gateway.segmentation.segmenter import Segmenter
from gateway.segmentation.stills import Stills
from gateway.segmentation.streams import Streams
from gateway.settings import Settings
from gateway.spool import Spool
from gateway.store import Shelf
from gateway.telemetry import Telemetry


class PictureSource(Protocol):
    """Gets a picture's bytes, or a video's, by URL; `fetch.Fetcher` is the one that goes out."""

    async def fetch(self, url: str) -> bytes:
        """Raises a GatewayError."""
        ...

    async def download(self, url: str, spool: Spool) -> None:
        """Raises a GatewayError."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that a route may need."""

    settings: Settings
    catalogue: Catalogue
    admission: Admission
    results: Results
    fallback: Fallback
    analyst: Analyst
    embeddings: Embeddings
    keywords: Keywords
    segmenter: Segmenter
    stills: Stills
    studio: Studio
    jobs: Keeper
    streams: Streams
    relays: Relays
    rules: Rules
    fetcher: PictureSource
    inference: Inference
    shelf: Shelf
    telemetry: Telemetry
    drift: DriftWatch

    def public_url(self, request: Request) -> str:
        """The gateway's address as the client sees it, without a slash at its end."""
        return self.settings.public_url or str(request.base_url).rstrip("/")


def _parts(connection: HTTPConnection) -> Parts:
    return cast("Parts", connection.app.state.parts)


PartsOf = Annotated[Parts, Depends(_parts)]
