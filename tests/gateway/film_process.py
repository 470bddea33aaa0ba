"""A gateway with a slow fake network, until it is killed: `python -m tests.gateway.film_process FOLDER DELAY`.

Prints its port. FOLDER holds its jobs; DELAY are the seconds for each frame.
"""

import asyncio
import sys
from pathlib import Path

from obstore.store import MemoryStore

from gateway.app import create_app
from gateway.settings import Settings
from tests.gateway.fakes import FakeFetcher, FakeInference
from tests.gateway.servers import listening


async def main(folder: Path, delay_s: float) -> None:
    settings = Settings(model_repository=folder, jobs=folder / "jobs", job_progress_interval_seconds=0.02)
    app = create_app(settings, FakeInference(delay_s=delay_s), MemoryStore(), FakeFetcher({}))
    async with listening(app, settings) as port:
        sys.stderr.write(f"port {port}\n")
        sys.stderr.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
