"""Object stores as the tools see them: the settings that reach them, errors in words, and the photos below a prefix."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore
from pydantic import ValidationError

from gateway.cli.client import MEDIA_TYPES, ToolError, UsageError
from gateway.settings import Settings
from gateway.store import open_existing

SCHEMES = ("s3://", "az://", "gs://", "file://")


@dataclass(frozen=True, slots=True)
class StoredPhoto:
    """A photo in a store; `mark` tells it from another one at the same place without reading it."""

    url: str
    path: str
    mark: str
    store: ObjectStore = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    def read_bytes(self) -> bytes:
        """Raises ToolError."""
        with guarded(self.url):
            return bytes(obstore.get(self.store, self.path).bytes())


def settings() -> Settings:
    """What the environment says of stores. Raises UsageError."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"GATEWAY_{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}") from error


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Raises ToolError for what a store says is wrong."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        reason = (str(error) or repr(error)).splitlines()[0]  # the rest is obstore's debugging output
        raise ToolError(f"{what}: {reason}") from error


def stored_photos(url: str) -> Iterator[StoredPhoto]:
    """The photos below a prefix, hidden ones left out. Raises UsageError for another address, and ToolError."""
    if not url.startswith(SCHEMES) or not url.partition("://")[2]:
        raise UsageError(f"{url}: {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]} with a bucket or folder expected")
    known = settings()
    with guarded(url):
        store = open_existing(known, url)
        for chunk in obstore.list(store):
            for meta in chunk:
                path = PurePosixPath(meta["path"])
                if path.suffix.lower() in MEDIA_TYPES and not any(part.startswith(".") for part in path.parts):
                    mark = f"{meta.get('e_tag')} {meta['size']} {meta['last_modified'].isoformat()}"
                    yield StoredPhoto(f"{url.rstrip('/')}/{path}", str(path), mark, store)
