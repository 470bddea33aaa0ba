"""NVIDIA's perf_analyzer: found or installed, run on one scenario, its CSV read.

The binary comes from the `tritonclient` 2.50.0 wheel (release 24.09), the newest that runs on glibc 2.36; it needs
`libb64.so.0d` and `libcudart.so.12`, of which the wheel server's environment carries copies under other names.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from serving import command

WHEEL = "tritonclient==2.50.0"
SPREAD = "50"  # percent: how far three windows may lie apart; client and server share the cores
ATTEMPTS = 3  # of a measurement that a busy machine makes unstable: the hour before it would be lost
UNSTABLE = "Failed to obtain stable measurement"
SHARED_OUTPUT_BYTES = 4 << 20
KEY_HEADER = f"triton-grpc-protocol-{command.HEADER}"
LIBRARIES = MappingProxyType({"libb64.so.0d": "libb64*.so.0d*", "libcudart.so.12": "libcudart*.so.12*"})


class AnalyzerError(RuntimeError):
    """perf_analyzer is missing, does not start, or reports no stable measurement; the text says which."""


@dataclass(frozen=True, slots=True)
class Load:
    """A closed loop of `concurrency` requests under way at a time, in windows of `requests`.

    With the key of the server's control protocols, tensors go through system shared memory instead of the connection.
    """

    model: str
    grpc_url: str
    data: Path
    concurrency: int
    requests: int
    shared_memory_key: str | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Requests per second, and latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Analyzer:
    binary: Path
    libraries: Path

    def measure(self, load: Load) -> Measurement:
        """Run `load` once over gRPC; raise AnalyzerError with perf_analyzer's own words if it gives no figures."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.csv"
            arguments = [
                str(self.binary), "-m", load.model, "-u", load.grpc_url, "-i", "grpc", "--async",
                "--input-data", str(load.data), "--concurrency-range", str(load.concurrency),
                "--measurement-mode", "count_windows", "--measurement-request-count", str(load.requests),
                "--stability-percentage", SPREAD, "--percentile", "95", "--verbose-csv", "-f", str(report),
            ]  # fmt: skip
            if load.shared_memory_key is not None:
                arguments += ["--shared-memory", "system", "--output-shared-memory-size", str(SHARED_OUTPUT_BYTES)]
                arguments += ["-H", f"{KEY_HEADER}:{load.shared_memory_key}"]
            for _ in range(ATTEMPTS):
                done = subprocess.run(arguments, env=self._variables(), capture_output=True, text=True, check=False)
                words = (done.stderr or done.stdout).strip()
                if not done.returncode and report.exists():
                    return read_report(report)
                if UNSTABLE not in words:
                    break
            raise AnalyzerError(f"perf_analyzer on {load.model}: {words[-800:]}")

    def _variables(self) -> dict[str, str]:
        return {**os.environ, "LD_LIBRARY_PATH": str(self.libraries)}


def read_report(path: Path) -> Measurement:
    """Read perf_analyzer's CSV (microseconds) into a Measurement."""
    with path.open() as file:
        row = next(csv.DictReader(file), None)
    if row is None:
        raise AnalyzerError("perf_analyzer wrote an empty report: too few requests to measure")
    return Measurement(
        per_second=float(row["Inferences/Second"]),
        p50_ms=float(row["p50 latency"]) / 1000,
        p95_ms=float(row["p95 latency"]) / 1000,
        p99_ms=float(row["p99 latency"]) / 1000,
    )


def ready(folder: Path, server_environment: Path) -> Analyzer:
    """Return perf_analyzer under `folder`, installing what is missing; says what it does."""
    on_path = shutil.which("perf_analyzer")
    if on_path:
        return Analyzer(Path(on_path), folder)
    binary = folder / "perf_analyzer"
    if not binary.exists():
        print(f"installing perf_analyzer ({WHEEL}) into {folder}")
        _unpack(_download(folder), binary)
    for name, pattern in LIBRARIES.items():
        _library(folder / name, pattern, server_environment)
    return Analyzer(binary, folder)


def _download(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--platform", "manylinux1_x86_64", "--dest", str(folder), WHEEL], check=True)
    return next(folder.glob("tritonclient-*.whl"))


def _unpack(wheel: Path, binary: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(entry for entry in archive.namelist() if entry.endswith("/bin/perf_analyzer"))
        part = binary.with_suffix(".part")
        part.write_bytes(archive.read(name))
    part.chmod(0o755)
    part.rename(binary)
    wheel.unlink()


def _library(target: Path, pattern: str, server_environment: Path) -> None:
    if target.exists():
        return
    found = next(server_environment.glob(f"lib/python3*/site-packages/nvidia_pytriton.libs/{pattern}"), None)
    if found is None:
        raise AnalyzerError(f"{target.name} is missing: run `make serve` once (its server environment carries a copy)")
    shutil.copy(found, target)
