"""The bytes of pictures, in folders and in object stores."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from training.dataset.errors import DatasetError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore

STORES = ("s3", "gs", "az")
MEGABYTE = 10**6
LARGEST = 200 * MEGABYTE
LISTED_AT_ONCE = 10_000
RETRIES = 3
WAIT = timedelta(seconds=60)


class FileError(Exception):
    """One file cannot be read; the text says why."""


def is_address(text: str) -> bool:
    return "://" in text


def split_address(address: str) -> tuple[str, str]:
    """`s3://bucket/a/b` -> (`s3://bucket`, `a/b`). Raises DatasetError for what is no object store."""
    parts = urlsplit(address, allow_fragments=False)
    if parts.scheme not in STORES or not parts.netloc:
        allowed = ", ".join(f"{scheme}://BUCKET/..." for scheme in STORES)
        raise DatasetError(f"{address}: a path or one of {allowed} is allowed")
    key = parts.path.lstrip("/")
    return f"{parts.scheme}://{parts.netloc}", f"{key}?{parts.query}" if parts.query else key


def open_store(bucket: str) -> "ObjectStore":
    """The store of `s3://bucket` and its like, by the usual variables (AWS_*, GOOGLE_*, AZURE_*).

    Raises DatasetError.
    """
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    plain = bucket.startswith("s3://") and os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    client: ClientConfig = {"allow_http": plain, "timeout": WAIT}
    try:
        return from_url(bucket, client_options=client, retry_config={"max_retries": RETRIES, "retry_timeout": WAIT})
    except (BaseError, ValueError) as error:
        raise DatasetError(f"{bucket}: {reason(error)}") from error


def reason(error: Exception) -> str:
    """The first line of an error; the rest is a library's debugging output."""
    return (str(error) or repr(error)).splitlines()[0]


class Files:
    """Reads pictures by what a manifest calls them: an address, a path, or a path relative to `base`."""

    def __init__(self, base: str, largest: int = LARGEST) -> None:
        self.base = base.rstrip("/") if is_address(base) else base
        self._largest = largest
        self._stores: dict[str, ObjectStore] = {}
        self._lock = Lock()

    def place(self, image: str) -> str:
        """Where a picture lies: an address or a path."""
        if is_address(image):
            return image
        return f"{self.base}/{image}" if is_address(self.base) else str(Path(self.base) / image)

    def read(self, image: str) -> bytes:
        """Safe to call from several threads. Raises FileError, and DatasetError for a store that cannot be set up."""
        place = self.place(image)
        return self._from_store(place) if is_address(place) else self._from_disk(Path(place))

    def _from_disk(self, path: Path) -> bytes:
        try:
            self._check(path.stat().st_size)
            return path.read_bytes()
        except FileNotFoundError:
            raise FileError("there is no such file") from None
        except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
            raise FileError(getattr(error, "strerror", None) or str(error)) from error

    def _from_store(self, address: str) -> bytes:
        import obstore
        from obstore.exceptions import BaseError

        try:
            bucket, key = split_address(address)
        except DatasetError as error:
            raise FileError(str(error)) from error
        try:
            found = obstore.get(self._store(bucket), key)
            self._check(found.meta["size"])
            return bytes(found.bytes())
        except FileNotFoundError:
            raise FileError("there is no such object") from None
        except (BaseError, OSError, ValueError) as error:
            raise FileError(f"the object store failed: {reason(error)}") from error

    def _check(self, size: int) -> None:
        if size > self._largest:
            allowed = self._largest / MEGABYTE
            raise FileError(f"the file is too large: {size / MEGABYTE:.0f} MB, at most {allowed:g} MB are allowed")

    def _store(self, bucket: str) -> "ObjectStore":
        with self._lock:
            if bucket not in self._stores:
                self._stores[bucket] = open_store(bucket)
            return self._stores[bucket]


def listed_folder(folder: Path) -> Iterator[str]:
    """All files below a folder, as relative paths in order; hidden ones are left out."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from (f"{entry.name}/{name}" for name in listed_folder(Path(entry.path)))
        else:
            yield entry.name


def listed_prefix(address: str) -> Iterator[str]:
    """All objects below `s3://bucket/prefix`, as keys relative to it. Raises DatasetError."""
    import obstore
    from obstore.exceptions import BaseError

    bucket, prefix = split_address(address)
    prefix = prefix.rstrip("/")
    try:
        for chunk in obstore.list(open_store(bucket), prefix or None, chunk_size=LISTED_AT_ONCE):
            names = (meta["path"][len(prefix) :].lstrip("/") for meta in chunk)
            yield from (name for name in names if not any(part.startswith(".") for part in name.split("/")))
    except (BaseError, OSError, ValueError) as error:
        raise DatasetError(f"{address}: {reason(error)}") from error
