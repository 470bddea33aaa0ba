"""The output of a child program is read to its end."""

import asyncio
import os
import signal
import sys
from typing import Any

import pytest

from serving import launch
from serving.launch import Launch


async def run(code: str, lines: list[str], *, broken: str = "") -> Launch:
    """A Python program that has ended by itself within 30 s; `broken` is a line that cannot be passed on."""

    def take(line: str) -> None:
        if line == broken:
            raise LookupError(line)
        lines.append(line)

    started = await Launch.start([sys.executable, "-c", code], os.environ, take, signal.SIGKILL)
    try:
        await asyncio.wait_for(started.wait(), 30)
        await started.last_words()
    finally:
        await started.kill()
    return started


async def test_a_line_without_end_is_left_out_and_the_next_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_LINE_BYTES", 1 << 16)
    lines: list[str] = []
    done = await run("print('x' * (1 << 22)); print('after'); print('y' * (1 << 20))", lines)
    assert done.ending == "ended with status 0"
    assert "after" in lines
    assert any("left out" in line for line in lines)


async def test_a_line_that_cannot_be_passed_on_is_reported_and_the_rest_read() -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    lines: list[str] = []
    done = await run("print('bad', flush=True); print('good'); print('y' * (1 << 20))", lines, broken="bad")
    assert done.ending == "ended with status 0"
    assert lines[0] == "good"
    assert [type(report["exception"]) for report in reports] == [LookupError]
