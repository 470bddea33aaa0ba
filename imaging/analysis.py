"""An analysis as it runs: the jobs of a plan, each once, all that need not wait at the same time.

The models are behind one function, `Call`; pixels leave this process as tensors of a network's size only, but for the
face detector, which looks at the picture itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from imaging import encode
from imaging.frame import FRAMES, square
from imaging.operations import FACE, PERSON, WHOLE
from imaging.plan import DECODE, PERSON_BOX, Job, Plan, Region, needs, operation_of
from imaging.resize import on_white

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from numpy.typing import NDArray

    from imaging.arrays import Bytes, Floats

Tensors = dict[str, "NDArray[Any]"]
Box = tuple[int, int, int, int]
STAGES = {
    "decode": "decoding",
    "person": "detection",
    "face": "detection",
    "crop": "cropping",
    "embed": "embedding",
    "classify": "classification",
    "describe": "description",
}


class CallError(Exception):
    """A model did not answer. `refused`: it says that the request is wrong, in words for the person who sent it."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class Call(Protocol):
    """One inference of a batch of one: arrays with the batch's dimension in and out. Raises CallError."""

    async def __call__(self, model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> Tensors: ...


class NothingFoundError(Exception):
    """There is no such part in the picture, and nothing to fall back on."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the decoder gave: frames by name, the full picture UINT8 [h, w, 3] where it was asked for, and its size."""

    frames: Tensors
    full: Bytes | None
    size: NDArray[np.int32]


class Analysis:
    """Runs the jobs of one picture. `detector` is the model that finds persons in the frame `person_frame`."""

    def __init__(self, image: bytes, planned: Plan, call: Call, *, detector: str, person_frame: str) -> None:
        self._image = image
        self._plan = planned
        self._call = call
        self._detector = detector
        self._person_frame = person_frame
        self._running: dict[Job, asyncio.Task[Any]] = {}
        self.seconds: dict[str, float] = defaultdict(float)

    async def start(self) -> None:
        """Decode, then begin everything that is planned. Raises CallError where the picture cannot be decoded."""
        await self.result(DECODE)
        for job in self._plan.jobs:
            self.result(job).add_done_callback(_looked_at)

    async def settle(self) -> None:
        """Wait for what is still running and wanted by nobody, so that nothing works on after the answer."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def result(self, job: Job) -> asyncio.Task[Any]:
        """Return the one task that does `job`, begun if it was not; await it as often as you like."""
        if job not in self._running:
            self._running[job] = asyncio.create_task(self._do(job))
        return self._running[job]

    async def box(self, region: Region) -> Box | None:
        """Return where a region lies, None for the whole picture, which stands in for a person that is not there.

        Raises NothingFoundError for a face that is not there.
        """
        if region.target == WHOLE:
            return None
        if region.target == PERSON:
            return await self.result(PERSON_BOX)  # type: ignore[no-any-return]
        box: Box | None = await self.result(Job("face", region))
        if box is None:
            raise NothingFoundError("No prominent face found")
        return box

    async def _do(self, job: Job) -> Any:  # noqa: ANN401 - what it is depends on the work
        if job.work == "decode":
            return await self._timed(job, self._decode())
        seen: Seen = await self.result(DECODE)
        if job.work == "person":
            return await self._timed(job, self._person(seen))
        if job.work == "face":
            return await self._face(job, seen)
        if job.work == "classify":
            return await self._timed(job, self._classify(job, await self.result(needs(job)[0])))
        return await self._look(job, seen)

    async def _timed(self, job: Job, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        started = time.perf_counter()
        try:
            return await work
        finally:
            self.seconds[STAGES[job.work]] += time.perf_counter() - started

    async def _decode(self) -> Seen:
        wanted = self._plan.outputs
        found = await self._call("decode", {"image": np.array([[self._image]], np.object_)}, wanted)
        full = found["full"][0] if "full" in found else None
        if full is not None and found["coverage"].shape[1:] == full.shape[:2]:
            full = await asyncio.to_thread(on_white, full, found["coverage"][0])
        frames = {name: found[name] for name in wanted if name in FRAMES}
        return Seen(frames, full, found["size"])

    async def _person(self, seen: Seen) -> Box | None:
        pixels = seen.frames.get(self._person_frame)
        pixels = _whole(seen)[None] if pixels is None else pixels
        found = await self._call(self._detector, {"pixels": pixels}, ("boxes", "scores"))
        placed = await self._call("person_boxes", {**found, "size": seen.size}, ("boxes", "scores", "count"))
        return _best(placed, seen)

    async def _face(self, job: Job, seen: Seen) -> Box | None:
        person = await self.box(Region(PERSON)) if job.region.within == PERSON else None
        if person is None and job.region.within == PERSON:
            return await self.result(Job("face", Region(FACE, WHOLE)))  # type: ignore[no-any-return]
        return await self._timed(job, self._face_within(person, seen))  # type: ignore[no-any-return]

    async def _face_within(self, person: Box | None, seen: Seen) -> Box | None:
        region = np.array([person or (0, 0, 0, 0)], np.int32)
        inputs: Tensors = {"full": _whole(seen)[None], "size": seen.size, "region": region}
        return _best(await self._call("face_detector", inputs, ("boxes", "scores", "count")), seen)

    async def _look(self, job: Job, seen: Seen) -> Any:  # noqa: ANN401
        """Show a region to a network, or to a person; a person who is not there is the whole picture."""
        box = await self.box(job.region)
        if job.work == "crop":
            return None if box is None else await self._timed(job, asyncio.to_thread(_png, _whole(seen), box))
        if box is None and job.region.target != WHOLE:
            return await self.result(job._replace(region=Region()))
        pixels = await self._timed(Job("crop"), self._pixels(seen, box, operation_of(job).frame))
        work = self._embed(job, pixels) if job.work == "embed" else self._describe(job, pixels)
        return await self._timed(job, work)

    async def _pixels(self, seen: Seen, box: Box | None, frame: str) -> Bytes:
        """Return UINT8 [1, side, side, 3]: what a network is to see."""
        if box is None and frame in seen.frames:
            return seen.frames[frame]
        whole = _whole(seen)
        cut = whole if box is None else whole[box[1] : box[3], box[0] : box[2]]
        return (await asyncio.to_thread(square, np.ascontiguousarray(cut), FRAMES[frame]))[None]

    async def _embed(self, job: Job, pixels: Bytes) -> Floats:
        found = await self._call(operation_of(job).model, {"pixels": pixels}, ("embedding",))
        return np.asarray(found["embedding"][0], np.float32)

    async def _describe(self, job: Job, pixels: Bytes) -> str:
        options = json.dumps({"max_length": job.number, "num_beams": job.beams}).encode()
        inputs: Tensors = {"pixels": pixels, "options": np.array([[options]], np.object_)}
        caption = (await self._call(operation_of(job).model, inputs, ("caption",)))["caption"].reshape(-1)[0]
        return caption.decode() if isinstance(caption, bytes) else str(caption)

    async def _classify(self, job: Job, vector: Floats) -> dict[str, object]:
        inputs: Tensors = {"embedding": vector[None], "collection": np.array([[job.number]], np.int32)}
        found = await self._call("collections", inputs, ("probability", "member"))
        return {
            "is_in_collection": bool(found["member"].reshape(-1)[0]),
            "probability": float(found["probability"].reshape(-1)[0]),
        }


def _looked_at(task: asyncio.Task[Any]) -> None:
    """A failure is told by those who wait for the job; asyncio would complain of one that nobody waits for."""
    if not task.cancelled():
        task.exception()


def _whole(seen: Seen) -> Bytes:
    assert seen.full is not None, "the plan asks for the full picture where a part of it is cut"  # noqa: S101
    return seen.full


def _best(found: Tensors, seen: Seen) -> Box | None:
    """Return the box of the highest score in whole pixels within the picture, None where there is none."""
    count = int(found["count"].reshape(-1)[0])
    if count == 0:
        return None
    number = int(np.argmax(found["scores"].reshape(-1)[:count]))
    height, width = (int(side) for side in seen.size.reshape(-1))
    xmin, ymin, xmax, ymax = (int(edge) for edge in found["boxes"].reshape(-1, 4)[number])
    box = max(xmin, 0), max(ymin, 0), min(xmax, width), min(ymax, height)
    return box if box[0] < box[2] and box[1] < box[3] else None


def _png(pixels: Bytes, box: Box) -> bytes:
    return encode.png(np.ascontiguousarray(pixels[box[1] : box[3], box[0] : box[2]]))
