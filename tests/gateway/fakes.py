"""The network's other ends, faked and injected: an inference server, a source of pictures, and pictures themselves."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

import httpx
import numpy as np
import numpy.typing as npt
from fastapi import FastAPI
from PIL import Image

from gateway.errors import GatewayError, InferenceUnavailableError, SourceNotFoundError
from gateway.inference import Cut, Inventory, Pulse, Tensors
from gateway.model_config import FrameContract
from gateway.pipelines import (
    ALL,
    ANALYZE,
    CUTOUTS,
    KEYWORDS,
    PRODUCT_CUTOUT,
    PRODUCT_PHOTO,
    RECIPE_PHOTO,
    RENDER_TEMPLATE,
    SEGMENT_SHELF,
    SEGMENT_STREAM,
    Pipeline,
)
from gateway.spool import Spool

NETWORKS = {"step": "step_matte", "main": "main_matte"}
FRAMES = FrameContract(64, ("smoothed", "flicker", "mean_confidence", "shares", "motion", "embedding"))
WHOLE = Inventory(
    versions=dict.fromkeys(
        ("decode", "cutout", "alpha_png", "step_matte", "main_matte", "product_matte", "analysis"), (1,)
    )
    | {pipeline.name: (1,) for pipeline in ALL},
    networks=frozenset({"step_matte", "main_matte"}),
    steps={pipeline.name: ("decode", NETWORKS[pipeline.name.partition("_")[2]], "cutout") for pipeline in CUTOUTS}
    | {ANALYZE.name: ("analysis", "decode"), RENDER_TEMPLATE.name: ("decode", "product_template")}
    | {SEGMENT_SHELF.name: ("decode", "shelf_segmenter", "shelf")}
    | {SEGMENT_STREAM.name: ("shelf_segmenter", "shelf_smooth")}
    | {KEYWORDS.name: ("decode", "keyword_classifier", "keywords"), RECIPE_PHOTO.name: ()}
    | {pipeline.name: ("decode", "product_matte", "product_finish") for pipeline in (PRODUCT_CUTOUT, PRODUCT_PHOTO)},
    frames={SEGMENT_STREAM.name: FRAMES},
)

WITHOUT_KEYWORDS = replace(
    WHOLE, steps={name: steps for name, steps in WHOLE.steps.items() if name not in (KEYWORDS.name, RECIPE_PHOTO.name)}
)


def picture(width: int = 8, height: int = 6, kind: str = "PNG", colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, kind)
    return buffer.getvalue()


@dataclass
class FakeInference:
    """An inference server whose answers, state and speed a test decides; remembers its calls."""

    inventory_now: Inventory | None = WHOLE
    failure: GatewayError | None = None
    delay_s: float = 0.0
    tensors: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    inputs: list[Mapping[str, bytes]] = field(default_factory=list)
    videos: list["FakeSequence"] = field(default_factory=list)
    answers: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)  # of videos opened from now on
    cut: Cut = field(default_factory=lambda: Cut(picture(8, 6), (1, 2, 7, 5)))
    down: dict[str, str] = field(default_factory=dict)
    age_s: float | None = 1.5
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None  # what else happens while a call runs
    cancelled: int = 0
    running: int = 0
    most_running: int = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        return None

    async def infer(self, pipeline: Pipeline, image: bytes, request_id: str) -> Cut:
        await self._work(pipeline.name, image, request_id)
        return self.cut if "box" in pipeline.outputs else Cut(self.cut.png)

    async def call(self, model: str, inputs: Mapping[str, bytes], outputs: Sequence[str], request_id: str) -> Tensors:
        self.inputs.append(inputs)
        await self._work(model, inputs.get("image", b""), request_id)
        return {name: self.tensors[name] for name in outputs}

    @asynccontextmanager
    async def sequence(self, model: str, request_id: str) -> AsyncIterator["FakeSequence"]:
        video = FakeSequence(self, model, request_id, answers=self.answers)
        self.videos.append(video)
        try:
            yield video
        finally:
            video.ended = True

    async def _work(self, model: str, image: bytes, request_id: str) -> None:
        assert request_id
        self.calls.append((model, image))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.meanwhile:
                self.meanwhile()
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        if self.failure:
            raise self.failure

    async def inventory(self) -> Inventory:
        if self.inventory_now is None:
            raise InferenceUnavailableError("the server is not available")
        return self.inventory_now

    async def still_has(self, known: Inventory) -> bool:
        return (await self.inventory()).continues(known)

    def pulse(self, pipeline: str) -> Pulse | None:
        if self.inventory_now is None:
            return None
        reason = self.down.get(pipeline, "")
        return Pulse(ok=not reason, reason=reason, age_s=self.age_s)


@dataclass
class FakeSequence:
    """A video: a pixel's class is its red value over 52. What else an answer holds stands in `answers`."""

    inference: FakeInference
    model: str
    request_id: str
    ended: bool = False
    frames: int = 0
    answers: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def infer(self, tensors: Tensors, outputs: Sequence[str]) -> Tensors:
        assert not self.ended
        async with self._turn:
            await self.inference._work(self.model, b"", self.request_id)
        self.frames += 1
        classes = np.minimum(tensors["pixels"][..., 0] // 52, 4)
        found = {
            "smoothed": classes,
            "flicker": np.array([-1 if self.frames == 1 else 0.25], np.float32),
            "mean_confidence": np.array([0.75], np.float32),
            "shares": np.bincount(classes.ravel(), minlength=5).astype(np.float32) / classes.size,
            "motion": np.zeros(2, np.float32),
            "embedding": tensors["pixels"].mean(axis=(0, 1), dtype=np.float32),
            **self.answers,
        }
        return {name: found[name] for name in outputs}


@dataclass
class FakeFetcher:
    """Pictures by URL, without a network."""

    pictures: dict[str, bytes]
    asked: list[str] = field(default_factory=list)

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.pictures:
            raise SourceNotFoundError("the picture's host answers 404")
        return self.pictures[url]

    async def download(self, url: str, spool: Spool) -> None:
        await spool.write(await self.fetch(url))

    async def aclose(self) -> None:
        return None


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a running application, whose catalogue has been refreshed once."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        with suppress(InferenceUnavailableError):
            await app.state.parts.catalogue.refresh()
        yield client


async def hang_up(
    app: FastAPI, client: httpx.AsyncClient, inference: FakeInference, path: str, files: Mapping[str, bytes]
) -> int:
    """Sends an upload over bare ASGI, leaves while its inference runs, and returns the status that was answered."""
    request = client.build_request("POST", path, files=files)
    body, gone, statuses = await request.aread(), asyncio.Event(), list[int]()
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, object]:
        for message in messages:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": "http",
        "server": ("gateway", 80),
        "root_path": "",
        "http_version": "1.1",
    }
    call = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        while not inference.running:  # noqa: ASYNC110 - the fake has no event to wait for
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        gone.set()
        await call
    return statuses[0]
