"""The committed result: a Markdown table with ratios to one of its rows, such as bare ONNX Runtime."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    from perf.analyzer import Measurement

    Key: TypeAlias = tuple[str, int]
    Rows: TypeAlias = dict[Key, Measurement]

HEAD = """| what | {many} | {each}/s | ratio | p50 ms | p95 ms | p99 ms |
|---|---:|---:|---:|---:|---:|---:|
"""


def table(rows: Rows, floor: Key, many: str = "concurrency", each: str = "requests") -> str:
    """Return the rows as Markdown; `ratio` is the throughput divided by that of the row `floor`."""
    least = rows[floor].per_second
    lines = [
        f"| {name} | {concurrency} | {m.per_second:.2f} | {m.per_second / least:.2f} "
        f"| {m.p50_ms:.0f} | {m.p95_ms:.0f} | {m.p99_ms:.0f} |"
        for (name, concurrency), m in rows.items()
    ]
    return HEAD.format(many=many, each=each) + "\n".join(lines) + "\n"


def write(path: Path, table: str, title: str, root: Path) -> str:
    text = f"# {title}\n\n{machine(root)}\n\n{table}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return text


def machine(root: Path) -> str:
    """Say when, on which commit and on what processor the figures were taken."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    day = datetime.now(timezone.utc).date().isoformat()
    return (
        f"{day}, commit {commit.stdout.strip() or 'unknown'}, {_processor()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}; client and server share the cores, medians over interleaved rounds."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
