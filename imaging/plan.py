"""From a task list to the work that it takes: a small graph in which nothing is done twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from imaging.operations import CLASSIFIED, FACE, OPERATIONS, PERSON, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imaging.operations import Operation
    from imaging.tasks import Task

Work = Literal["decode", "person", "face", "crop", "embed", "classify", "describe"]
FULL = ("coverage", "full", "size")


class Region(NamedTuple):
    """Where a job looks; of a face also where it is looked for, `prominent_person` or `whole_image`."""

    target: str = WHOLE
    within: str = ""


class Job(NamedTuple):
    """One piece of work. Two tasks that need an equal one share it.

    `model` is the operation whose network works; `number` a collection's id, or the most tokens of a caption, which
    `beams` belong to, too.
    """

    work: Work
    region: Region = Region()
    model: str = ""
    number: int = 0
    beams: int = 0


DECODE = Job("decode")
PERSON_BOX = Job("person", Region(PERSON))


@dataclass(frozen=True, slots=True)
class Plan:
    """`jobs`, each after those that it waits for; `outputs` of the decoder that they will look at.

    `results` is the job that answers a task, `crops` the one that shows what it saw, for tasks that see a part.
    """

    jobs: tuple[Job, ...]
    outputs: tuple[str, ...]
    results: Mapping[str, Job]
    crops: Mapping[str, Job]


def plan(tasks: Iterable[Task], *, crops: bool, person_frame: str) -> Plan:
    """Return the work for `tasks`. `person_frame` is the decoder's output that the person detector takes.

    A detector runs at most once, a region is cut once for each network, a network sees a region once, however many
    tasks ask; what does not wait for one another may run at the same time.
    """
    asked = list(tasks)
    results = {task.operation_id: _job(task) for task in asked}
    shown = {task.operation_id: Job("crop", region_of(task)) for task in asked if crops and _sees_a_part(task)}
    jobs = tuple(dict.fromkeys([DECODE, *_in_order([*results.values(), *shown.values()])]))
    return Plan(jobs, _outputs(jobs, person_frame), results, shown)


def needs(job: Job) -> tuple[Job, ...]:
    """Return what a job waits for: the decoder always, a region's box, the vector that is classified."""
    if job.work == "decode":
        return ()
    if job.work == "classify":
        return (Job("embed", job.region, CLASSIFIED),)
    if job.work == "face":
        return (DECODE, PERSON_BOX) if job.region.within == PERSON else (DECODE,)
    found = () if job.work == "person" else _box(job.region)
    return (DECODE, *found)


def _box(region: Region) -> tuple[Job, ...]:
    if region.target == WHOLE:
        return ()
    return (PERSON_BOX,) if region.target == PERSON else (Job("face", region),)


def _in_order(jobs: Iterable[Job]) -> Iterator[Job]:
    for job in jobs:
        yield from _in_order(needs(job))
        yield job


def region_of(task: Task) -> Region:
    return Region(task.target, task.within if task.target == FACE else "")


def _sees_a_part(task: Task) -> bool:
    return task.operation.kind != "detect" and task.target != WHOLE


def _job(task: Task) -> Job:
    region, kind = region_of(task), task.operation.kind
    if kind == "detect":
        return PERSON_BOX if task.target == PERSON else Job("face", region)
    if kind == "classify":
        return Job("classify", region, CLASSIFIED, task.collection)
    if kind == "describe":
        return Job("describe", region, task.operation.name, task.max_length, task.beams)
    return Job("embed", region, task.operation.name)


def _outputs(jobs: Iterable[Job], person_frame: str) -> tuple[str, ...]:
    """Return the decoder's outputs that the jobs look at: full size only where a part of the picture is cut out."""
    wanted = {"size"}
    for job in jobs:
        if job.work == "person":
            wanted.add(person_frame)
        elif job.work == "face" or job.region.target != WHOLE:
            wanted.update(FULL)
        elif job.work in ("embed", "describe"):
            wanted.add(operation_of(job).frame)
    return tuple(sorted(wanted | set(FULL) if "full" in wanted else wanted))


def operation_of(job: Job) -> Operation:
    return OPERATIONS[job.model]
