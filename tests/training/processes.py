"""Trainings in two processes of this machine, which find each other without asking what the machine is called."""

import os
import subprocess
import sys

TIMEOUT_S = 250


def two_processes(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """`python -m training` with arguments in both, waited for; what they said is in the error where they hang."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", "2"]
    command = [sys.executable, *launcher, "-m", "training", *arguments]
    variables = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    with subprocess.Popen(command, env=variables, stdout=-1, stderr=-1, text=True) as process:
        try:
            said, complained = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.terminate()  # the launcher ends the processes that it started
            said, complained = process.communicate()
            raise AssertionError(f"two processes hang:\n{said}\n{complained}") from None
    return subprocess.CompletedProcess(command, process.returncode, said, complained)
