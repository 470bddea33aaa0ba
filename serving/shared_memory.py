"""Shared memory of the Python steps: how much they need, and whose regions may be removed.

Every launch gives Triton a prefix of its own for its regions' names: PID namespace, launcher's pid and start, count.
The start is in the kernel's ticks since boot, because the wall clock may be set while a launcher lives.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from math import isqrt, prod
from pathlib import Path

import psutil
from tritonclient.grpc import model_config_pb2

from serving.errors import SharedMemoryError
from serving.repository import Model

__all__ = ["HOME", "needed_bytes", "prefix", "remove", "require_room", "sweep"]

HOME = Path("/dev/shm")  # noqa: S108 - where the kernel keeps POSIX shared memory
_FAMILY = "darkroom"
_START_TICKS = 19  # field 22 of /proc/PID/stat; the third is the first after the name
_REGION_BYTES = 1 << 20
_BYTES_OF_PICTURE_FILE = 4 << 20
_SIDES = 2
_BYTES_OF_OPEN_TENSOR = 64 << 20  # the keys and values that BLIP keeps of one picture are 43 MB
_ITEM_BYTES = {"UINT8": 1, "INT8": 1, "BOOL": 1, "UINT16": 2, "INT16": 2, "FP16": 2, "BF16": 2, "FP64": 8, "INT64": 8}


def prefix(launch: int) -> str:
    """The names of one launch's regions start with this; no two launches on this machine share it."""
    return f"{_launcher(os.getpid())}-{launch}-"


def _launcher(pid: int) -> str:
    """Raises FileNotFoundError or ProcessLookupError when there is no such process."""
    namespace = (Path("/proc/self/ns/pid")).stat().st_ino
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]  # a name may have spaces and brackets
    ticks = int(after_name.split()[_START_TICKS])
    return f"{_FAMILY}-{namespace:x}-{pid}-{ticks:x}"


def remove(start: str, home: Path = HOME) -> list[str]:
    """End the stubs that hold regions whose names start so, a hung one too, and remove these; returns the names."""
    _end_stubs(start)
    names = sorted(path.name for path in home.glob(f"{start}*"))
    for name in names:
        (home / name).unlink(missing_ok=True)
    return names


def sweep(home: Path = HOME) -> list[str]:
    """The same for all launchers that are dead; those of other PID namespaces cannot be judged from here."""
    mine = f"{_FAMILY}-{Path('/proc/self/ns/pid').stat().st_ino:x}-"
    owners = {"-".join(path.name.split("-")[:4]) for path in home.glob(f"{mine}*-*-*")}
    dead = sorted(owner for owner in owners if not _alive(owner))
    return [name for owner in dead for name in remove(f"{owner}-", home)]


def _alive(owner: str) -> bool:
    try:
        return _launcher(int(owner.split("-")[2])) == owner
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False


def _end_stubs(start: str) -> None:
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if command and command[0].endswith("stub") and any(part.startswith(start) for part in command):
            with suppress(psutil.NoSuchProcess):
                process.kill()


@dataclass(frozen=True)
class _Picture:
    pixels: int

    def bytes_of(self, tensor: model_config_pb2.ModelInput | model_config_pb2.ModelOutput) -> int:
        kind = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
        if kind == "STRING":
            return _BYTES_OF_PICTURE_FILE
        if sum(size < 0 for size in tensor.dims) > _SIDES:  # no picture, but a network's own notes
            return _BYTES_OF_OPEN_TENSOR
        edge = isqrt(self.pixels)
        return prod(edge if size < 0 else size for size in tensor.dims) * _ITEM_BYTES.get(kind, 4)


def needed_bytes(models: Iterable[Model], megapixels: float) -> int:
    """Room for one picture of that size in every Python instance: its inputs, its outputs and its first region."""
    picture = _Picture(int(megapixels * 1e6))
    total = 0
    for model in models:
        if model.is_ensemble:
            continue
        tensors = [*model.config.input, *model.config.output]
        instances = sum(max(group.count, 1) for group in model.config.instance_group) or 1
        total += instances * (_REGION_BYTES + sum(picture.bytes_of(tensor) for tensor in tensors))
    return total


def require_room(models: Iterable[Model], megapixels: float, home: Path = HOME) -> None:
    """There is room for what the models need.

    Raises:
        SharedMemoryError
    """
    need = needed_bytes(models, megapixels)
    if not home.is_dir():
        raise SharedMemoryError(
            f"{home} is missing", f"mkdir -p {home} && mount -t tmpfs -o size={need >> 20}m shm {home}"
        )
    state = os.statvfs(home)
    free = state.f_bavail * state.f_frsize
    if free < need:
        size = -(-(need + (state.f_blocks * state.f_frsize - free)) // (1 << 20)) * 2
        raise SharedMemoryError(
            f"{home} has {free >> 20} MiB free, the Python steps need {need >> 20} MiB "
            f"for pictures of {megapixels:g} megapixels",
            f"mount -o remount,size={size}m {home} (docker: --shm-size={size}m; Kubernetes: an emptyDir of medium "
            "Memory), or SERVING_LARGEST_PICTURE_MEGAPIXELS=1 for small pictures only",
        )
