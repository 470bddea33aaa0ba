"""`python -m serving` when nothing can be served: exit status 1, the reason, the cure, and no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.session import free_ports
from serving.settings import ROOT


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """A repository with one step, free ports, and a tritonserver on PATH that ends at once."""
    step = tmp_path / "repository" / "step"
    (step / "1").mkdir(parents=True)
    (step / "1" / "model.py").touch()
    (step / "config.pbtxt").write_text('name: "step" backend: "python"')
    program = tmp_path / "tritonserver"
    program.write_text("#!/bin/sh\necho 'error while loading shared libraries: libfoo.so'\nexit 127\n")
    program.chmod(0o755)
    http, grpc, metrics = map(str, free_ports(3))
    ports = {"SERVING_HTTP_PORT": http, "SERVING_GRPC_PORT": grpc, "SERVING_METRICS_PORT": metrics}
    chosen = {"SERVING_TRITON": "path", "SERVING_MODEL_REPOSITORIES": str(tmp_path / "repository")}
    return {**os.environ, **ports, **chosen, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def serve(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return run("serving", variables, "--no-gateway")


def run(module: str, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60)


def test_a_server_that_ends_at_once_is_quoted(variables: dict[str, str]) -> None:
    done = serve(variables)
    assert done.returncode == 1
    assert "tritonserver ended with status 127" in done.stderr
    assert "libfoo.so" in done.stderr
    assert "cure: " in done.stderr
    assert "Traceback" not in done.stderr


def crashing(variables: dict[str, str], tmp_path: Path, crashes: int, signal_name: str) -> Path:
    """A tritonserver that a signal kills so many times before it ends in an ordinary way; it counts its starts."""
    starts = tmp_path / "starts"
    script = f"""#!/bin/sh
echo start >> {starts}
[ $(wc -l < {starts}) -gt {crashes} ] && echo 'no such luck' && exit 3
echo 'boost::interprocess::lock_exception'
kill -{signal_name} $$
"""
    (tmp_path / "tritonserver").write_text(script)
    assert variables["PATH"].startswith(str(tmp_path))
    return starts


@pytest.mark.parametrize("signal_name", ["ABRT", "SEGV"])
def test_a_first_start_that_crashes_is_tried_once_more_and_told(
    variables: dict[str, str], tmp_path: Path, signal_name: str
) -> None:
    starts = crashing(variables, tmp_path, 1, signal_name)
    done = serve(variables)
    assert "tritonserver crashed at its first start, once more" in done.stdout + done.stderr
    assert f"was killed by SIG{signal_name}" in done.stdout + done.stderr
    assert "tritonserver ended with status 3" in done.stderr, "the second start got its own end"
    assert starts.read_text().count("start") == 2


def test_a_start_that_crashes_again_is_given_up_with_its_last_words(variables: dict[str, str], tmp_path: Path) -> None:
    starts = crashing(variables, tmp_path, 9, "ABRT")
    done = serve(variables)
    assert done.returncode == 1
    assert "tritonserver was killed by SIGABRT" in done.stderr
    assert "lock_exception" in done.stderr
    assert starts.read_text().count("start") == 2


def test_a_server_that_somebody_killed_is_not_started_again(variables: dict[str, str], tmp_path: Path) -> None:
    starts = crashing(variables, tmp_path, 9, "TERM")
    done = serve(variables)
    assert "tritonserver was killed by SIGTERM" in done.stderr
    assert starts.read_text().count("start") == 1


def test_a_wrong_setting_is_named(variables: dict[str, str]) -> None:
    done = serve(variables | {"SERVING_HTTP_PORT": "0", "SERVING_LOG_LEVEL": "loud"})
    assert done.returncode == 1
    assert "SERVING_HTTP_PORT: " in done.stderr
    assert "SERVING_LOG_LEVEL: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_of_the_gateway_is_named(variables: dict[str, str]) -> None:
    for port, reason in (
        ("abc", "GATEWAY_PORT: "),
        (variables["SERVING_GRPC_PORT"], "GATEWAY_PORT and SERVING_GRPC_PORT"),
    ):
        done = run("serving", variables | {"GATEWAY_PORT": port})
        assert (done.returncode, done.stderr.startswith(f"cannot serve: {reason}")) == (1, True), done.stderr
        assert "cure: " in done.stderr


def test_a_host_that_is_not_there_is_told(variables: dict[str, str]) -> None:
    done = serve(variables | {"SERVING_HOST": "192.0.2.1"})
    assert done.returncode == 1
    assert "cannot serve: SERVING_HOST=192.0.2.1 is no address of this machine" in done.stderr


def test_the_canary_command_names_a_wrong_setting_too(variables: dict[str, str]) -> None:
    done = run("serving.canary", variables | {"SERVING_HTTP_PORT": "abc"})
    assert (done.returncode, done.stderr) == (1, "")
    assert "SERVING_HTTP_PORT: " in done.stdout


INTERRUPTED = """
import os, runpy, signal, sys

def interrupt(event, arguments):
    if event == "import" and LIBRARY in arguments[0] and arguments[1]:
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(interrupt)
runpy.run_module("serving", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("library", ["pydantic_core", "_multiarray_umath", "cygrpc"])
def test_an_interrupt_while_an_extension_module_is_loaded_is_no_traceback(
    variables: dict[str, str], library: str
) -> None:
    program = INTERRUPTED.replace("LIBRARY", repr(library))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, "")


def test_a_misspelt_setting_is_told(variables: dict[str, str]) -> None:
    assert "SERVING_HTPP_PORT is ignored" in serve(variables | {"SERVING_HTPP_PORT": "1"}).stdout


def test_a_broken_repository_is_told_with_its_cure(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "repository" / "step" / "config.pbtxt").write_text("name: step")
    done = serve(variables)
    assert done.returncode == 1
    assert "config.pbtxt does not parse" in done.stderr
    assert f"cure: correct {tmp_path}/repository/step/config.pbtxt" in done.stderr


def test_commercial_only_is_not_promised_for_a_server_that_is_run_elsewhere(variables: dict[str, str]) -> None:
    external = {"SERVING_TRITON": "external", "SERVING_EXTERNAL_URL": "127.0.0.1:1"}
    command = [sys.executable, "-m", "serving", "--commercial-only"]
    done = subprocess.run(command, cwd=ROOT, env=variables | external, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "commercial-only cannot hold here" in done.stderr
    assert "cure: ask for it where that server is started" in done.stderr


def test_an_external_server_that_is_not_there_is_told(variables: dict[str, str]) -> None:
    url = f"127.0.0.1:{variables['SERVING_GRPC_PORT']}"
    (port,) = free_ports(1)
    external = {"SERVING_TRITON": "external", "SERVING_EXTERNAL_URL": url, "GATEWAY_PORT": str(port)}
    command = [sys.executable, "-m", "serving"]
    done = subprocess.run(command, cwd=ROOT, env=variables | external, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"the external server {url} does not answer" in done.stderr
