"""`python -m gateway.cli search`: find the pictures of a folder that are like a picture, or that a text describes."""

import argparse
import asyncio
import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import httpx
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from gateway.cli.client import ToolError, connect, pictures, post, write_whole

INDEX, NAMES = ".darkroom-index.faiss", ".darkroom-index.json"
Vectors = npt.NDArray[np.float32]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="the pictures; their index lies among them in two hidden files")
    query = parser.add_mutually_exclusive_group()
    query.add_argument("--text", help="what the picture shows, in words")
    query.add_argument("--image", type=Path, help="a picture that it is like")
    parser.add_argument("--model", default="embed_clip_vit_b_32", help="embedder (default embed_clip_vit_b_32)")
    parser.add_argument("--top", type=int, default=5, help="how many to show (default 5)")
    parser.add_argument("--concurrency", type=int, default=4, help="pictures at the same time (default 4)")


def run(args: argparse.Namespace) -> int:
    found = asyncio.run(search(connect(args.url), args))
    for name, likeness in found:
        print(f"{likeness:.4f}  {name}")
    return 0


@dataclass(frozen=True)
class Shelf:
    """Vectors of length 1 by file: name, size and time of change, so that a changed file is embedded again."""

    model: str
    vectors: dict[str, Vectors]


async def search(client: httpx.AsyncClient, args: argparse.Namespace) -> list[tuple[str, float]]:
    """Bring the folder's index up to date; return the names of the most like pictures with their cosine."""
    async with client:
        paths = pictures(args.folder)
        shelf = await _updated(client, args, _read(args.folder, args.model), paths)
        if args.text is None and args.image is None:
            print(f"{len(shelf.vectors)} pictures are indexed; ask with --text or --image")
            return []
        query = {"text": args.text} if args.image is None else await asyncio.to_thread(_inline, args.image)
        (wanted,) = await _embed(client, args.model, [query])
    names = list(shelf.vectors)
    index = faiss.IndexFlatIP(len(wanted))
    index.add(np.stack(list(shelf.vectors.values())))
    likeness, numbers = index.search(wanted[None], min(max(1, args.top), len(names)))
    return [(names[n].partition("\n")[0], float(one)) for one, n in zip(likeness[0], numbers[0], strict=True)]


async def _updated(client: httpx.AsyncClient, args: argparse.Namespace, known: Shelf, paths: list[Path]) -> Shelf:
    keys = {_key(path): path for path in paths}
    missing = {key: path for key, path in keys.items() if key not in known.vectors}
    turns, made = asyncio.Semaphore(args.concurrency), dict[str, Vectors]()

    async def one(key: str, path: Path) -> None:
        async with turns:
            try:
                (made[key],) = await _embed(client, args.model, [await asyncio.to_thread(_inline, path)])
            except ToolError as error:
                tqdm.write(f"{path.name}: {error}")
        bar.update()

    with tqdm(total=len(missing), unit="picture", disable=None) as bar:
        await asyncio.gather(*(one(key, path) for key, path in missing.items()))
    vectors = {key: found for key in keys if (found := known.vectors.get(key, made.get(key))) is not None}
    if not vectors:
        raise ToolError("no picture could be embedded")
    shelf = Shelf(args.model, vectors)
    if missing or set(known.vectors) - set(keys):
        _write(args.folder, shelf)
    return shelf


async def _embed(client: httpx.AsyncClient, model: str, given: list[dict[str, Any]]) -> Vectors:
    body = {"model": model, "input": given, "encoding_format": "base64"}
    data = (await post(client, "/v1/embeddings", json=body))["data"]
    return np.stack([np.frombuffer(base64.b64decode(one["embedding"]), "<f4") for one in data]).astype(np.float32)


def _inline(path: Path) -> dict[str, str]:
    try:
        return {"image": base64.b64encode(path.read_bytes()).decode()}
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}") from error


def _key(path: Path) -> str:
    facts = path.stat()
    return f"{path.name}\n{facts.st_size} {facts.st_mtime_ns}"


def _read(folder: Path, model: str) -> Shelf:
    """What was indexed before; nothing where it is another model's, or damaged."""
    try:
        facts = json.loads((folder / NAMES).read_text())
        index = faiss.deserialize_index(np.frombuffer((folder / INDEX).read_bytes(), np.uint8))
    except (OSError, ValueError, RuntimeError):
        return Shelf(model, {})
    if facts.get("model") != model or index.ntotal != len(facts["keys"]):
        return Shelf(model, {})
    vectors = index.reconstruct_n(0, index.ntotal)
    return Shelf(model, dict(zip(facts["keys"], vectors, strict=True)))


def _write(folder: Path, shelf: Shelf) -> None:
    matrix = np.stack(list(shelf.vectors.values()))
    index = faiss.IndexFlatIP(matrix.shape[1])
    index.add(matrix)
    write_whole(folder / INDEX, faiss.serialize_index(index).tobytes())
    write_whole(folder / NAMES, json.dumps({"model": shelf.model, "keys": list(shelf.vectors)}).encode())
