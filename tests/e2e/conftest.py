"""The real server for the whole test session, and more of them for tests that break things."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from serving.session import Session, running
from tests.e2e.networks import Networks, made
from tests.e2e.small_repository import echo, write_pipeline, write_step

CONTROL_KEY = "key-of-the-tests"
QUICK = {
    "SERVING_CANARY_INTERVAL_SECONDS": "0.5",
    "SERVING_CANARY_TIMEOUT_SECONDS": "30",
    "SERVING_LOG_FORMAT": "json",
    "SERVING_CONTROL_KEY": CONTROL_KEY,
}


@pytest.fixture(scope="session")
def triton() -> Iterator[Session]:
    """The project's own repositories on a real tritonserver; nothing that uses it may break it."""
    with running(QUICK) as session:
        yield session


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    """Every network of an analysis, exported into a copy of the repository."""
    return made(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="session")
def analysing(networks: Networks) -> Iterator[Session]:
    """A server of all of them, with seldom canaries: it stays beside the tests of other servers."""
    with running(QUICK | networks.settings | {"SERVING_CANARY_INTERVAL_SECONDS": "5"}) as session:
        yield session


@pytest.fixture
def supervised() -> Iterator[Callable[[Mapping[str, str]], Session]]:
    """Starts servers of a test's own (`SERVING_*` variables) that it may kill; all are stopped at its end."""
    with ExitStack() as stack:
        yield lambda variables: stack.enter_context(running(QUICK | dict(variables)))


@pytest.fixture
def pipe(tmp_path: Path) -> dict[str, str]:
    """Settings of a server with one pipeline, `pipe`, whose only step returns its input."""
    write_step(tmp_path, "echo", echo())
    write_pipeline(tmp_path, "pipe", "echo")
    return {"SERVING_MODEL_REPOSITORIES": str(tmp_path)}
