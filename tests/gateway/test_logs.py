import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own: the configuration is the process's, and loggers keep the one that they first met.
PROGRAM = """
import asyncio
from pathlib import Path
from obstore.store import MemoryStore
from gateway.app import create_app
from gateway.logs import configure
from gateway.settings import Settings
from tests.gateway.fakes import FakeFetcher, FakeInference, client_of, picture

URL = "https://pictures.example/photo.png?X-Amz-Signature=secret-signature"

async def main():
    configure("info")
    inference = FakeInference()
    inference.failure = ZeroDivisionError("unforeseen")
    settings = Settings(model_repository=Path("/none"))
    async with client_of(create_app(settings, inference, MemoryStore(), FakeFetcher({URL: picture()}))) as client:
        headers = {"Authorization": "Bearer secret-token", "Cookie": "sid=secret-cookie"}
        assert (await client.get(f"/api/v2/step/crop?{URL}", headers=headers)).status_code == 500

asyncio.run(main())
"""


def test_an_unforeseen_error_is_logged_with_its_place_and_nothing_of_the_request() -> None:
    command = [sys.executable, "-c", PROGRAM]
    written = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    lines = [json.loads(line) for line in written.splitlines()]
    lines = [line for line in lines if line["logger"] != "httpx"]  # the test's own client, which logs what it asks
    (unexpected,) = [line for line in lines if line["event"] == "unexpected"]
    (error,) = unexpected["exception"]
    assert (error["exc_type"], error["exc_value"]) == ("ZeroDivisionError", "unforeseen")
    assert error["frames"][-1]["name"] == "_work"
    assert "secret" not in json.dumps(lines)
