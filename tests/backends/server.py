"""A real tritonserver for the twin's tests: explicit control, one repository, models loaded as tests need them."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import onnx
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from serving import command, discovery, shared_memory
from serving.settings import ServingSettings
from tests.backends import networks

_START_SECONDS = 60
_COUNT_SECONDS = 10
_LAUNCH = 9000  # apart from the numbers that a launcher in this process would give its regions


@dataclass(frozen=True)
class TwinServer:
    """The running server: its client, and the folder that it takes models from."""

    client: InferenceServerClient
    repository: Path
    url: str

    def add(self, name: str, config: str, network: onnx.ModelProto | None) -> Path:
        """Writes a model into the repository; without a network its version folder stays empty."""
        version = self.repository / name / "1"
        version.mkdir(parents=True)
        (self.repository / name / "config.pbtxt").write_text(f'name: "{name}" backend: "onnxruntime" {config}')
        if network is not None:
            networks.save(network, version / "model.onnx")
        return version

    @contextmanager
    def loaded(self, name: str) -> Iterator[None]:
        """The model is served inside the `with`, and unloaded afterwards to spare memory."""
        self.client.load_model(name)
        try:
            yield
        finally:
            self.client.unload_model(name)

    def batches(self, name: str, inferences: int) -> dict[int, int]:
        """Runs by batch size. Triton counts a run after it has answered, so this waits until all are counted."""
        deadline = time.monotonic() + _COUNT_SECONDS
        while True:
            statistics = self.client.get_inference_statistics(name).model_stats[0]
            if statistics.inference_count >= inferences or time.monotonic() > deadline:
                return {batch.batch_size: batch.compute_infer.count for batch in statistics.batch_stats}
            time.sleep(0.05)

    def load_error(self, name: str) -> str:
        """What the server says about a model that must not load."""
        try:
            self.client.load_model(name)
        except InferenceServerException as error:
            return str(error)
        raise AssertionError(f"{name} was loaded")


@contextmanager
def serve(repository: Path) -> Iterator[TwinServer]:
    with ExitStack() as stack:
        http, grpc, metrics = _free_ports()
        settings = ServingSettings(
            triton="wheel",
            http_port=http,
            grpc_port=grpc,
            metrics_port=metrics,
            model_repositories=(repository,),
            auto_complete_config=True,
            restricted_apis=(),
            exit_timeout_seconds=5,
        )
        prefix = shared_memory.prefix(_LAUNCH)
        server = discovery.discover(settings)
        log = stack.enter_context((repository.parent / "server.log").open("w"))
        process = subprocess.Popen(
            command.arguments(settings, server, (), prefix, ""), env=dict(server.variables), stdout=log, stderr=log
        )
        stack.callback(shared_memory.remove, prefix)
        stack.callback(_stop, process)
        client = stack.enter_context(InferenceServerClient(f"127.0.0.1:{grpc}"))
        _wait(client, process)
        yield TwinServer(client, repository, f"127.0.0.1:{grpc}")


def _free_ports() -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait(client: InferenceServerClient, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if client.is_server_live():
                return
        except InferenceServerException:
            assert process.poll() is None, "tritonserver ended at start"
        time.sleep(0.1)
    raise TimeoutError("tritonserver did not start")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
