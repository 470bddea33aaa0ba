"""Room for the steps in shared memory, and whose regions are removed."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from serving import shared_memory
from serving.errors import SharedMemoryError
from serving.repository import Model


def model(config: str) -> Model:
    return Model("step", Path(), text_format.Parse(config, model_config_pb2.ModelConfig()), (1,))


STEP = 'backend: "python" input { name: "x" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] }'


def test_the_need_grows_with_instances_and_pictures() -> None:
    one = shared_memory.needed_bytes([model(STEP)], 12)
    assert 36_000_000 < one < 38_500_000
    assert shared_memory.needed_bytes([model(STEP + " instance_group { count: 3 }")], 12) == 3 * one
    assert shared_memory.needed_bytes([model(STEP)], 1) < one / 8


def test_a_tensor_that_is_no_picture_does_not_grow_with_pictures() -> None:
    notes = STEP + " input { name: 'past' data_type: TYPE_FP32 dims: [ -1, -1, -1, -1 ] }"
    more = [
        shared_memory.needed_bytes([model(notes)], size) - shared_memory.needed_bytes([model(STEP)], size)
        for size in (1, 50)
    ]
    assert more == [64 << 20] * 2


def test_a_pipeline_needs_no_memory_of_its_own() -> None:
    assert (
        shared_memory.needed_bytes([model(STEP.replace("backend", "platform").replace("python", "ensemble"))], 12) == 0
    )


def test_too_little_room_is_an_error_that_names_the_size_to_mount(tmp_path: Path) -> None:
    with pytest.raises(SharedMemoryError, match="MiB free, the Python steps need") as caught:
        shared_memory.require_room([model(STEP)], 1e9, tmp_path)
    assert "mount -o remount,size=" in caught.value.cure
    assert "--shm-size=" in caught.value.cure


def test_a_machine_without_shared_memory_is_told_how_to_mount_it(tmp_path: Path) -> None:
    with pytest.raises(SharedMemoryError, match="is missing") as caught:
        shared_memory.require_room([model(STEP)], 1, tmp_path / "shm")
    assert "mount -t tmpfs" in caught.value.cure


def test_only_regions_of_dead_launchers_are_swept(tmp_path: Path) -> None:
    mine = shared_memory.prefix(1)
    family, namespace, _, start = mine.split("-")[:4]
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        dead = process.pid
    names = {
        "alive": f"{mine}a",
        "dead": f"{family}-{namespace}-{dead}-{start}-1-b",
        "pid used again": f"{family}-{namespace}-{os.getpid()}-1234abcd-1-c",
        "another namespace": f"{family}-12345-{dead}-{start}-1-d",
        "not ours": "sem.mp-x",
    }
    for name in names.values():
        (tmp_path / name).touch()
    assert sorted(shared_memory.sweep(tmp_path)) == sorted([names["dead"], names["pid used again"]])
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {names["alive"], names["another namespace"], names["not ours"]}


def test_a_launcher_stays_itself_when_the_wall_clock_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = shared_memory.prefix(1)
    (tmp_path / f"{mine}a").touch()
    boot = psutil._pslinux.boot_time()
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot + 3600)  # the kernel derives it from the wall clock
    assert shared_memory.prefix(1) == mine
    assert shared_memory.sweep(tmp_path) == []


def test_removing_one_launch_leaves_the_next(tmp_path: Path) -> None:
    for launch in (1, 11):
        (tmp_path / f"{shared_memory.prefix(launch)}x").touch()
    assert shared_memory.remove(shared_memory.prefix(1), tmp_path) == [f"{shared_memory.prefix(1)}x"]
    assert [path.name for path in tmp_path.iterdir()] == [f"{shared_memory.prefix(11)}x"]
