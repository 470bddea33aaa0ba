"""How much memory the parts of a running service hold."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes: what a process has for itself and its part of what it shares (PSS)."""

    gateway: float
    triton: float


def held(launcher_pid: int) -> Memory:
    """Of the launcher's gateway, and of tritonserver with its Python steps. Raises psutil.Error."""
    gateway = triton = 0.0
    for child in psutil.Process(launcher_pid).children():
        if child.name() == "tritonserver":
            triton += sum(_megabytes(one) for one in (child, *child.children(recursive=True)))
        elif "gateway" in child.cmdline():
            gateway += _megabytes(child)
    return Memory(gateway, triton)


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / MEGABYTE
