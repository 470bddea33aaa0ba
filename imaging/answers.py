"""The answer to a task list: one JSON document, and beside it vectors and pictures, which JSON would make larger."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from imaging.analysis import Analysis, Call, CallError, NothingFoundError
from imaging.operations import WHOLE
from imaging.plan import plan, region_of
from imaging.tasks import Skipped, Task, Wishes

if TYPE_CHECKING:
    from imaging.analysis import Box
    from imaging.arrays import Floats
    from imaging.plan import Plan

Entry = dict[str, object]
DETECTORS = {"person_detector": "rt_detr_640", "person_detector_faster_rcnn": "full"}
"""The models that find persons, and the output of `decode` that each takes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`document` is JSON: `results` by operation id, each with

    `status` success, skipped or error; `data`; `cropped_image_bbox` [xmin, ymin, xmax, ymax] or null; `error_message`;
    `vector` [start, length] in `vectors` or null, which stands for `data` of an embedding;
    `crop` index in `crops` or null; and `timings`, seconds of work by stage, some of it at the same time, and `total`.

    `vectors` FP32 [n], all vectors one after the other; `crops` PNG files.
    """

    document: bytes
    vectors: Floats
    crops: list[bytes]


@dataclass(slots=True)
class _Sheet:
    """What lies beside the document, each thing once."""

    vectors: list[Floats] = field(default_factory=list)
    crops: list[bytes] = field(default_factory=list)

    def vector(self, values: Floats) -> tuple[int, int]:
        start = sum(len(known) for known in self.vectors)
        self.vectors.append(values)
        return start, len(values)

    def crop(self, file: bytes) -> int:
        for number, known in enumerate(self.crops):
            if known is file:
                return number
        self.crops.append(file)
        return len(self.crops) - 1


async def answer(image: bytes, wishes: Wishes, call: Call, detector: str) -> Answer:
    """Do what is wished for with the bytes of an image file. One task that fails leaves the others alone.

    Raises CallError where the picture cannot be decoded, KeyError for a detector that is not in DETECTORS.
    """
    started = time.perf_counter()
    frame = DETECTORS[detector]
    planned = plan(_attempted(wishes), crops=wishes.crops, person_frame=frame)
    analysis = Analysis(image, planned, call, detector=detector, person_frame=frame)
    await analysis.start()
    try:
        outcomes = await asyncio.gather(*(_outcome(task, analysis, planned) for task in wishes.tasks))
    finally:
        await analysis.settle()
    sheet = _Sheet()
    results = {task.operation_id: _entry(found, sheet) for task, found in zip(wishes.tasks, outcomes, strict=True)}
    timings = {stage: round(seconds, 6) for stage, seconds in sorted(analysis.seconds.items())}
    timings["total"] = round(time.perf_counter() - started, 6)
    document = json.dumps({"results": results, "timings": timings}, ensure_ascii=False).encode()
    vectors = np.concatenate([np.empty(0, np.float32), *sheet.vectors])
    return Answer(document, vectors, sheet.crops)


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: str = "success"
    value: object = None
    box: Box | None = None
    file: bytes | None = None
    message: str | None = None


def _attempted(wishes: Wishes) -> list[Task]:
    return [task for task in wishes.tasks if isinstance(task, Task)]


async def _outcome(task: Task | Skipped, analysis: Analysis, planned: Plan) -> _Outcome:
    if isinstance(task, Skipped):
        return _Outcome("skipped", message=task.reason)
    try:
        return await _success(task, analysis, planned)
    except NothingFoundError as error:
        return _Outcome("skipped", message=f"{error} for operation '{task.operation_id}'.")
    except CallError as error:
        return _Outcome("skipped" if error.refused else "error", message=str(error))


async def _success(task: Task, analysis: Analysis, planned: Plan) -> _Outcome:
    value = await analysis.result(planned.results[task.operation_id])
    if task.operation.kind == "detect":
        return _Outcome(value=None if value is None else list(value))
    if task.normalized and isinstance(value, np.ndarray):
        value = (value / max(float(np.linalg.norm(value)), np.finfo(np.float32).tiny)).astype(np.float32)
    if task.target == WHOLE:
        return _Outcome(value=value)
    wanted = planned.crops.get(task.operation_id)
    file = None if wanted is None else await analysis.result(wanted)
    return _Outcome(value=value, box=await analysis.box(region_of(task)), file=file)


def _entry(found: _Outcome, sheet: _Sheet) -> Entry:
    is_vector = isinstance(found.value, np.ndarray)
    return {
        "status": found.status,
        "data": None if is_vector else found.value,
        "vector": sheet.vector(found.value) if isinstance(found.value, np.ndarray) else None,
        "cropped_image_bbox": found.box,
        "crop": None if found.file is None else sheet.crop(found.file),
        "error_message": found.message,
    }
