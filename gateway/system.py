"""What the gateway's machine has left: the old photo service's system stats."""

from pathlib import Path

import psutil
from pydantic import BaseModel, Field

MEGA = 1e6


class System(BaseModel):
    """The machine's own figures, in a container the host's."""

    cpu_percent: float = Field(description="busy share of all cores since the last look", examples=[12.5])
    memory_percent: float = Field(examples=[41.0])
    memory_available_mb: float = Field(description="in 10^6 bytes", examples=[8123.4])
    disk_percent: float = Field(description="of the disk that holds the store, or else the working folder")
    disk_free_mb: float = Field(description="in 10^6 bytes", examples=[51234.5])


def look(store_url: str) -> System:
    """Touches a disk, which may be slow; call it off the event loop."""
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(_folder(store_url)))
    return System(
        cpu_percent=psutil.cpu_percent(),
        memory_percent=memory.percent,
        memory_available_mb=round(memory.available / MEGA, 1),
        disk_percent=disk.percent,
        disk_free_mb=round(disk.free / MEGA, 1),
    )


def _folder(store_url: str) -> Path:
    """A folder that exists on the disk in question."""
    local = Path(store_url.removeprefix("file://"))
    return local if "://" not in str(local) and local.is_dir() else Path.cwd()
