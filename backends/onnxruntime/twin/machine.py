"""How much of this machine's CPU the process may use."""

import os
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(topology: Path = _TOPOLOGY, quota: Path = _QUOTA) -> int:
    """Physical cores in this process's CPU set, and no more than its container's CPU quota pays for; at least 1.

    ONNX Runtime's own choice sees neither CPU set nor quota, and pins its threads to cores.
    """
    cores = {_core(topology, cpu) for cpu in os.sched_getaffinity(0)}
    return max(1, min(len(cores), _paid(quota)))


def _core(topology: Path, cpu: int) -> str:
    """The same text for all hyper-threads of a core."""
    try:
        return (topology / f"cpu{cpu}" / "topology" / "core_cpus_list").read_text()
    except OSError:
        return str(cpu)


def _paid(quota: Path) -> int:
    """Whole CPUs of a cgroup's `cpu.max`, "max 100000" or "250000 100000"; unlimited where there is no such file."""
    unlimited = os.cpu_count() or 1
    try:
        limit, period = quota.read_text().split()
    except (OSError, ValueError):
        return unlimited
    return unlimited if limit == "max" else max(1, int(limit) // int(period))
