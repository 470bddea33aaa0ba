"""The watch over pipelines against a real server: busy, half dead, gone and back."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient

from serving import canary
from serving.canary import CanaryResult, Watch
from serving.session import Session, running
from tests.e2e.small_repository import echo, write_pipeline, write_step

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A server with a quick and a slow pipeline, whose supervisor looks at them rarely."""
    repository = tmp_path_factory.mktemp("repository")
    for name, seconds in (("quick", 0), ("slow", 0.3)):
        write_step(repository, f"{name}_step", echo(seconds))
        write_pipeline(repository, name, f"{name}_step")
    variables = {"SERVING_MODEL_REPOSITORIES": str(repository), "SERVING_CANARY_INTERVAL_SECONDS": "1000"}
    with running(variables) as session:
        yield session


@pytest.fixture
async def client(session: Session) -> AsyncIterator[InferenceServerClient]:
    async with canary.connect(session.grpc_url) as client:
        yield client


async def send(client: InferenceServerClient, pipeline: str, count: int = 1) -> None:
    picture = InferInput("image", [1, 1], "BYTES")
    picture.set_data_from_numpy(np.array([[b"a picture"]], dtype=np.object_))
    await asyncio.gather(*(client.infer(pipeline, [picture]) for _ in range(count)))


def by_name(results: list[CanaryResult]) -> dict[str, CanaryResult]:
    return {result.pipeline: result for result in results}


async def test_only_ensembles_are_pipelines_and_each_answers_a_canary(client: InferenceServerClient) -> None:
    assert await canary.pipelines(client) == ["quick", "slow"]
    results = await canary.probe(client, ["quick", "slow", "nothing"], 10)
    assert [result.ok for result in results] == [True, True, False]
    assert results[1].seconds > 0.3
    assert results[2].code == "NOT_FOUND"


async def test_requests_that_succeed_make_a_canary_needless(client: InferenceServerClient) -> None:
    watch = Watch(client, 0.1, 10)
    assert by_name(await watch.look())["quick"].seconds > 0
    await send(client, "quick")
    assert by_name(await watch.look())["quick"] == CanaryResult("quick", ok=True, reason="", seconds=0)
    age = watch.age_s("quick")
    assert age is not None
    assert age < 1


async def test_canaries_take_no_more_than_a_twentieth_of_the_time(client: InferenceServerClient) -> None:
    rounds: list[CanaryResult] = []
    watch = Watch(client, 0.05, 10, rounds.extend)
    running_watch = asyncio.create_task(watch.run())
    await asyncio.sleep(2)
    running_watch.cancel()
    looks = [result for result in rounds if result.pipeline == "slow"]
    assert len(looks) > 5
    assert len([result for result in looks if result.seconds]) == 1, "0.3 s of canary, so none for 5.7 s"


async def test_a_canary_that_times_out_while_requests_succeed_found_a_busy_server(
    client: InferenceServerClient,
) -> None:
    load = asyncio.create_task(send(client, "slow", 20))
    await asyncio.sleep(0.1)
    watch = Watch(client, 0.1, 1.8)
    assert by_name(await watch.look())["slow"].reason == "busy"
    await load


async def test_a_server_that_is_gone_fails_its_pipelines_and_one_that_is_back_passes(
    session: Session, client: InferenceServerClient
) -> None:
    watch = Watch(client, 0.1, 10)
    await watch.look()
    lines = len(session.lines)
    os.kill(session.pid, signal.SIGKILL)
    await asyncio.sleep(0.1)
    gone = by_name(await watch.look())
    assert not gone["quick"].ok
    assert "the server does not answer" in gone["quick"].reason
    await asyncio.to_thread(session.wait_for, "server back", 60, lines)
    await asyncio.sleep(1)
    assert all(result.ok for result in await watch.look())


async def test_one_dead_stub_of_two_is_found_out_even_without_the_supervisor(
    session: Session, client: InferenceServerClient
) -> None:
    watch = Watch(client, 0.1, 10)
    await watch.look()
    os.kill(session.launcher_pid, signal.SIGSTOP)
    stub = next(pid for pid, name in session.stubs().items() if name.startswith("quick_step"))
    os.kill(stub, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while by_name(await watch.look())["quick"].ok and time.monotonic() < deadline:
        await asyncio.gather(*(send(client, "quick") for _ in range(2)), return_exceptions=True)
        await asyncio.sleep(0.2)
    os.kill(session.launcher_pid, signal.SIGCONT)
    assert "not healthy" in watch.results["quick"].reason
