"""Where collections and their training data come from: a web address or a folder, with the same layout.

BASE/collections.json: `[{"id": 7, "name": "portraits"}, ...]`

BASE/collections/ID/training_data.json: `[{"embedding": [...], "label": true}, ...]`
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from training.heads.embedded_json import Json, extract
from training.heads.errors import HeadsError

LISTING = "collections.json"
DATA = "collections/{}/training_data.json"
MEGABYTE = 10**6


@dataclass(frozen=True)
class Limits:
    """Bounds of one answer: its bytes, the wait for a connection or for more bytes, and the whole of it, in seconds."""

    max_bytes: int = 500 * MEGABYTE
    wait_s: float = 30.0
    total_s: float = 600.0


@dataclass(frozen=True)
class Collection:
    """A collection as `collections.json` names it."""

    number: int
    name: str


class Source(Protocol):
    """Both kinds raise HeadsError, with the place and the reason, for what cannot be read."""

    def collections(self) -> tuple[list[Collection], list[str]]: ...

    def training_data(self, number: int) -> Json: ...


def open_source(base: str, limits: Limits) -> Source:
    """Return the source at an http(s) address or a path, each of which may also name its `collections.json`.

    Raises:
        HeadsError: it is neither.
    """
    if "://" in base:
        if not _is_address(base):
            raise HeadsError(f"{base}: addresses begin with http:// or https:// and name a host")
        return WebSource(base.removesuffix(LISTING).rstrip("/"), limits)
    path = Path(base)
    path = path.parent if path.name == LISTING else path
    if not path.is_dir():
        raise HeadsError(f"{path}: there is no such folder, expected one with {LISTING} or an address")
    return FolderSource(path, limits)


def _is_address(text: str) -> bool:
    try:
        address = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return address.scheme in {"http", "https"} and bool(address.host)


@dataclass(frozen=True)
class FolderSource:
    folder: Path
    limits: Limits

    def collections(self) -> tuple[list[Collection], list[str]]:
        """The collections of `collections.json`, and what is wrong with those entries of it that are none."""
        return parse_collections(self._read(LISTING), str(self.folder / LISTING))

    def training_data(self, number: int) -> Json:
        return self._read(DATA.format(number))

    def _read(self, name: str) -> Json:
        path = self.folder / name
        try:
            with path.open("rb") as file:
                data = file.read(self.limits.max_bytes + 1)
        except OSError as error:
            raise HeadsError(f"{path}: {error.strerror}") from error
        if len(data) > self.limits.max_bytes:
            raise _too_long(str(path), self.limits)
        return extract(_text(data, str(path)), str(path))


@dataclass(frozen=True)
class WebSource:
    base: str
    limits: Limits

    def collections(self) -> tuple[list[Collection], list[str]]:
        """The collections of `collections.json`, and what is wrong with those entries of it that are none."""
        address = f"{self.base}/{LISTING}"
        return parse_collections(self._get(address), address)

    def training_data(self, number: int) -> Json:
        return self._get(f"{self.base}/{DATA.format(number)}")

    def _get(self, address: str) -> Json:
        try:
            data = self._download(address)
        except httpx.HTTPError as error:
            raise HeadsError(f"{address}: {type(error).__name__}: {error}") from error
        return extract(_text(data, address), address)

    def _download(self, address: str) -> bytes:
        data, deadline = bytearray(), time.monotonic() + self.limits.total_s
        with (
            httpx.Client(timeout=self.limits.wait_s, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", address) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise HeadsError(f"{address}: the server answers {answer.status_code} {answer.reason_phrase}")
            for piece in answer.iter_bytes(2**16):
                data += piece
                if len(data) > self.limits.max_bytes:
                    raise _too_long(address, self.limits)
                if time.monotonic() > deadline:
                    raise HeadsError(f"{address}: the answer takes longer than {self.limits.total_s:g} s")
        return bytes(data)


def parse_collections(found: Json, place: str) -> tuple[list[Collection], list[str]]:
    """Return the collections of a parsed `collections.json`, and the entries that are none, in words.

    Raises:
        HeadsError: it holds no list, or no collection.
    """
    collections: dict[int, Collection] = {}
    problems = []
    for position, entry in enumerate(entries(found, place), start=1):
        fields = entry if isinstance(entry, dict) else {}
        number = fields.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**31:
            problems.append(f"{place}: entry {position} has no id from 0 to {2**31 - 1}")
        elif number in collections:
            problems.append(f"{place}: entry {position} has the id {number} a second time")
        else:
            collections[number] = Collection(number, str(fields.get("name") or f"collection {number}"))
    if not collections:
        raise HeadsError(f'{place}: no collection in it, expected [{{"id": 7, "name": "portraits"}}, ...]')
    return list(collections.values()), problems


def entries(found: Json, place: str) -> list[object]:
    """Return the list that `found` is, or the only list in it when it is an object.

    Raises:
        HeadsError: there is no such list.
    """
    if isinstance(found, list):
        return found
    lists = [value for value in found.values() if isinstance(value, list)]
    if len(lists) != 1 or "embedding" in found:
        raise HeadsError(f"{place}: expected a list, found an object with {', '.join(found) or 'nothing in it'}")
    return lists[0]


def _text(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HeadsError(f"{place}: not UTF-8 text: {error.reason} at byte {error.start}") from error


def _too_long(place: str, limits: Limits) -> HeadsError:
    return HeadsError(f"{place}: more than {limits.max_bytes / MEGABYTE:g} MB, see --max-megabytes")
