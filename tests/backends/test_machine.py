"""How many cores a session may count on."""

import os
from pathlib import Path

import pytest

from twin.machine import usable_cores

CPUS = sorted(os.sched_getaffinity(0))


@pytest.fixture
def topology(tmp_path: Path) -> Path:
    """Every CPU of this process a core of its own."""
    for cpu in CPUS:
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "core_cpus_list").write_text(f"{cpu}\n")
    return tmp_path


def test_every_physical_core_of_the_cpu_set_counts_once(topology: Path) -> None:
    nowhere = topology / "cpu.max"
    assert usable_cores(topology, nowhere) == len(CPUS)
    for cpu in CPUS:
        (topology / f"cpu{cpu}" / "topology" / "core_cpus_list").write_text("0-1\n")
    assert usable_cores(topology, nowhere) == 1


@pytest.mark.parametrize(("quota", "paid"), [("max 100000", None), ("50000 100000", 1), ("150000 100000", 1)])
def test_a_container_quota_limits_the_cores(topology: Path, quota: str, paid: int | None) -> None:
    (topology / "cpu.max").write_text(f"{quota}\n")
    assert usable_cores(topology, topology / "cpu.max") == (paid or len(CPUS))


def test_a_machine_that_tells_nothing_counts_its_cpus(tmp_path: Path) -> None:
    assert usable_cores(tmp_path, tmp_path / "cpu.max") == len(CPUS)
