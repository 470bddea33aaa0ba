"""`python -m gateway.cli caption`: a caption as .txt beside each picture of a folder."""

import argparse
import asyncio
import json
from pathlib import Path

import httpx
from tqdm import tqdm

from gateway.cli.client import ToolError, connect, pictures, post, write_whole

TASK = "caption"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="the pictures; NAME.jpg gets NAME.txt")
    parser.add_argument("--force", "-f", action="store_true", help="caption again what has a .txt already")
    parser.add_argument("--max-length", type=int, default=50, help="tokens of a caption at most (default 50)")
    parser.add_argument("--num-beams", type=int, default=1, help="beams of the search (default 1: greedy)")
    parser.add_argument("--concurrency", type=int, default=4, help="pictures at the same time (default 4)")


def run(args: argparse.Namespace) -> int:
    found = pictures(args.folder)
    wanted = [path for path in found if args.force or not path.with_suffix(".txt").exists()]
    print(f"{len(found)} pictures, {len(found) - len(wanted)} of them captioned already")
    params = {"max_length": args.max_length, "num_beams": args.num_beams}
    failed = asyncio.run(caption(connect(args.url), wanted, params, args.concurrency))
    for path, reason in failed.items():
        print(f"{path.name}: {reason}")
    print(f"{len(wanted) - len(failed)} captioned, {len(failed)} failed")
    return 1 if failed else 0


async def caption(
    client: httpx.AsyncClient, paths: list[Path], params: dict[str, int], concurrency: int
) -> dict[Path, str]:
    """Write what the gateway says of each picture; return the ones that failed, with the reason.

    Every caption is on disk as soon as it is there: who is stopped goes on where they were.
    """
    tasks = json.dumps([{"operation_id": TASK, "type": "describe_image", "params": params}])
    turns, failed = asyncio.Semaphore(concurrency), dict[Path, str]()

    async def one(path: Path) -> None:
        async with turns:
            try:
                text = await _caption(client, path, tasks)
                await asyncio.to_thread(write_whole, path.with_suffix(".txt"), f"{text}\n".encode())
            except (ToolError, OSError) as error:
                failed[path] = str(error)
        bar.update()

    with tqdm(total=len(paths), unit="picture", disable=None) as bar:
        async with client:
            await asyncio.gather(*(one(path) for path in paths))
    return dict(sorted(failed.items()))


async def _caption(client: httpx.AsyncClient, path: Path, tasks: str) -> str:
    data = await asyncio.to_thread(path.read_bytes)
    files, form = {"image_file": (path.name, data)}, {"tasks_json": tasks}
    result = (await post(client, "/analyze_image_upload/", files=files, data=form))["results"][TASK]
    if result["status"] != "success":
        raise ToolError(result["error_message"])
    return str(result["data"])
