"""A real S3 endpoint: rclone serves a folder, signatures checked."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.session import free_ports
from tests.e2e.gateways import listens, wait_until

KEY_ID, SECRET, REGION = "AKIAIOSFODNN7EXAMPLE", "not-a-real-secret-not-a-real-secret-0000", "us-east-1"


@contextmanager
def s3(folder: Path) -> Iterator[str]:
    """The address of an endpoint whose buckets are the folders in `folder`.

    It remembers for minutes what it has listed, so that what a test puts there by another way has to be there before.
    """
    (port,) = free_ports(1)
    rclone = shutil.which("rclone", path=Path(sys.executable).parent)
    assert rclone, "rclone comes with the development requirements"
    keys = ["--auth-key", f"{KEY_ID},{SECRET}"]
    command = [rclone, "serve", "s3", *keys, "--addr", f"127.0.0.1:{port}", "--config", "", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: listens(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()  # it takes five seconds to end politely, and has nothing to save
