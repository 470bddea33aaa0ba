"""Shelf videos through a real server: order, state, errors, instances of a network, many videos, a killed stub."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.catalogue import Catalogue
from gateway.errors import GatewayError, InvalidOptionError
from gateway.inference import TritonInference
from gateway.segmentation.segmenter import Segmenter
from gateway.settings import Settings
from serving.session import Session, running
from tests.e2e.conftest import QUICK
from tests.e2e.repositories import ROOT, copied, settings
from tests.e2e.shelf_network import write
from tests.gateway.fakes import picture
from tests.imaging.shelf_walks import walk

pytestmark = pytest.mark.e2e

NETWORKS = {"shelf_segmenter": 512, "shelf_segmenter_yolov8n": 640}
PIPELINES = ("segment_shelf", "segment_stream", "segment_shelf_yolov8n", "segment_stream_yolov8n")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Two networks made here, the default one with two instances."""
    folder = copied(tmp_path_factory.mktemp("shelves"), ("decode", "shelf", "shelf_smooth"), PIPELINES)
    for name, side in NETWORKS.items():
        target = folder / "models" / name
        target.mkdir()
        config = shutil.copy(ROOT / "model_repository" / name / "config.pbtxt", target)
        if name == "shelf_segmenter":
            Path(config).write_text(Path(config).read_text().replace("count: 1", "count: 2"))
        write(target / "1" / "model.onnx", side, instances=side == 640)
    with running(QUICK | settings(folder)) as session:
        yield session


@pytest.fixture
async def inference(session: Session) -> AsyncIterator[TritonInference]:
    async with TritonInference(Settings(triton_url=session.grpc_url)) as inference:
        yield inference


@pytest.fixture
async def segmenter(inference: TritonInference) -> Segmenter:
    catalogue = Catalogue(Settings(), inference)
    await catalogue.refresh()
    return Segmenter(catalogue, inference)


def frames(count: int, seed: int = 1) -> list[NDArray[np.uint8]]:
    """A walk whose red says the class and whose green how sure the network is."""
    found = []
    for seen in walk(count, seed):
        frame = cv2.resize(seen.pixels, (512, 512), interpolation=cv2.INTER_LINEAR)
        frame[..., 0] = cv2.resize(seen.mask, (512, 512), interpolation=cv2.INTER_NEAREST) * 52 + frame[..., 0] // 8
        found.append(np.asarray(frame, np.uint8))
    return found


async def test_frames_under_way_at_two_instances_are_answered_in_order_and_know_the_one_before(
    segmenter: Segmenter,
) -> None:
    given = frames(12)
    async with segmenter.open("", 0.0, "order") as stream:
        found = await asyncio.gather(*(stream.segment(frame) for frame in given))
    for frame, one in zip(given, found, strict=True):
        assert (one.mask == frame[..., 0] // 52).all()
    assert found[0].flicker is None
    assert all(one.flicker is not None and one.flicker < 0.3 for one in found[1:])


async def test_many_videos_at_once_share_batches_and_nothing_else(segmenter: Segmenter) -> None:
    async def video(number: int) -> list[float | None]:
        async with segmenter.open("", 0.6, f"video-{number}") as stream:
            return [(await stream.segment(frame)).flicker for frame in frames(3, seed=number)]

    found = await asyncio.gather(*(video(number) for number in range(10)))
    assert all(one[0] is None and None not in one[1:] for one in found)


async def test_an_error_costs_its_video_the_state_and_no_other(
    segmenter: Segmenter, inference: TritonInference
) -> None:
    first, second, *_ = frames(2)
    tensors: dict[str, NDArray[Any]] = {"pixels": first, "smoothing": np.array([1.5], np.float32)}
    async with segmenter.open("", 0.5, "kept") as kept, inference.sequence("segment_stream", "lost") as lost:
        await kept.segment(first)
        await lost.infer({**tensors, "smoothing": np.array([0.5], np.float32)}, ["flicker"])
        with pytest.raises(InvalidOptionError, match=r"from 0 \(none\) to below 1"):
            await lost.infer(tensors, ["flicker"])
        again = await lost.infer({"pixels": second, "smoothing": np.array([0.5], np.float32)}, ["flicker"])
        assert again["flicker"][0] == -1
        assert (await kept.segment(second)).flicker is not None


async def test_a_network_with_instances_gives_them_for_frames_and_pictures(
    segmenter: Segmenter, inference: TritonInference
) -> None:
    async with segmenter.open("yolov8n", 0.0, "things") as stream:
        found = (await stream.segment(frames(1)[0])).instances
    assert found is not None
    assert (found.mask.shape, found.scores.tolist(), found.classes.tolist()) == ((640, 640), [1], [1])
    inputs = {"image": picture(80, 60), "options": b'{"rle": true}'}
    answer = await inference.call("segment_shelf_yolov8n", inputs, ["answer"], "picture")
    (thing,) = json.loads(answer["answer"][0])["instances"]
    assert (thing["class"], thing["box"], thing["rle"]["size"]) == ("product", [0, 0, 40, 30], [60, 80])


async def test_a_killed_stub_costs_frames_and_the_video_goes_on(session: Session, segmenter: Segmenter) -> None:
    frame = frames(1)[0]
    async with segmenter.open("", 0.5, "survivor") as stream, asyncio.timeout(120):
        await stream.segment(frame)
        pid = next(pid for pid, name in session.stubs().items() if name.startswith("shelf_smooth"))
        os.kill(pid, signal.SIGKILL)
        failures = 0
        while True:
            try:
                found = await stream.segment(frame)
            except GatewayError:  # noqa: PERF203 - it is the server that takes its time
                failures += 1
                await asyncio.sleep(0.5)
            else:
                break
    assert failures
    assert found.flicker is None, "its state went with the stub"
