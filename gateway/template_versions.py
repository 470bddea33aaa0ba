"""What a listing of a store says of templates: versions with their files, and why some of them are not taken."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # obstore's types exist for type checkers only
    from obstore import ObjectMeta

# As imaging/shelf.py has them.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
VERSION = re.compile(r"[1-9][0-9]{0,8}")
FILE = "template.yaml"

MOST_OBJECTS = 20_000
MOST_VERSIONS = 1_000
MOST_FILES = 128
MOST_BYTES = 256 * 2**20
MOST_BYTES_IN_ALL = 2 * 2**30
MOST_DEPTH = 4
LONGEST_NAME = 200  # in bytes, of a file or folder


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Which version of which template."""

    name: str
    number: int

    @property
    def path(self) -> str:
        return f"{self.name}/{self.number}"


@dataclass(frozen=True, slots=True)
class File:
    """An object as a listing tells it."""

    size: int
    changed: datetime
    tag: str


@dataclass(frozen=True, slots=True)
class Version:
    """`files` by their path below the version; `digest` is another one as soon as one of them is another object."""

    key: Key
    files: Mapping[str, File]
    digest: str

    @property
    def size_bytes(self) -> int:
        return sum(file.size for file in self.files.values())


@dataclass(slots=True)
class Offer:
    """What a store has: the versions that can be taken, and of the others what is wrong."""

    versions: dict[Key, Version] = field(default_factory=dict)
    refused: dict[Key, str] = field(default_factory=dict)

    def marks(self) -> dict[Key, str]:
        """Of every version there is what tells it from what it was before."""
        return {key: version.digest for key, version in self.versions.items()} | self.refused


def offered(listing: Iterable["ObjectMeta"]) -> Offer:
    """Sorts out a listing; objects that belong to no version are passed over, such as a README."""
    found: dict[Key, dict[str, File]] = {}
    for meta in listing:
        key, path = _place(meta["path"])
        if key is not None and not is_hidden(path):
            file = File(meta["size"], meta["last_modified"], meta["e_tag"] or "")
            found.setdefault(key, {})[path] = file
    offer = Offer()
    for key, files in found.items():
        trouble = _trouble(files)
        if trouble:
            offer.refused[key] = trouble
        else:
            offer.versions[key] = Version(key, files, _digest(key, files))
    return offer


def bounded(offer: Offer, there: Iterable[Key]) -> Offer:
    """The same within the bounds for all together: first come those that are `there`, then by name, newest first."""
    known, kept, room = set(there), Offer(refused=dict(offer.refused)), MOST_BYTES_IN_ALL
    for key in sorted(offer.versions, key=lambda key: (key not in known, key.name, -key.number)):
        version = offer.versions[key]
        if len(kept.versions) >= MOST_VERSIONS:
            kept.refused[key] = f"there are more than {MOST_VERSIONS} versions in all"
        elif version.size_bytes > room:
            kept.refused[key] = f"all versions together are larger than {_mib(MOST_BYTES_IN_ALL)}"
        else:
            kept.versions[key] = version
            room -= version.size_bytes
    return kept


def trouble_of(sizes: Mapping[str, int]) -> str:
    """What keeps files, by path and size, from being a version; nothing where they can be one."""
    bad = [path for path in sizes if not _is_plain(path)]
    if bad:
        return f"a file's name is not allowed: {bad[0]!a}"
    inner = {str(parent) for path in sizes for parent in PurePosixPath(path).parents}
    if inner & sizes.keys():
        return f"{min(inner & sizes.keys())} is a file and a folder"
    if FILE not in sizes:
        return f"there is no {FILE}"
    if len(sizes) > MOST_FILES:
        return f"there are more than {MOST_FILES} files"
    return f"it is larger than {_mib(MOST_BYTES)}" if sum(sizes.values()) > MOST_BYTES else ""


def _place(path: str) -> tuple[Key | None, str]:
    """The version that an object belongs to, if any, and its path there."""
    parts = path.split("/", 2)
    if len(parts) < 3 or not (NAME.fullmatch(parts[0]) and VERSION.fullmatch(parts[1])):  # noqa: PLR2004 - name, version, file
        return None, ""
    return Key(parts[0], int(parts[1])), parts[2]


def is_hidden(path: str) -> bool:
    """Whether some program left it there; dots alone are no name, and looked at later."""
    return any(part.startswith(".") and part.strip(".") for part in path.split("/"))


def _is_plain(path: str) -> bool:
    parts = path.split("/")
    return len(parts) <= MOST_DEPTH and all(
        part.strip(".") and part.isprintable() and "\\" not in part and len(part.encode()) <= LONGEST_NAME
        for part in parts
    )


def _trouble(files: dict[str, File]) -> str:
    """Also takes away the empty objects that stand for folders in some stores."""
    parents = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    for path in [path for path, file in files.items() if path in parents and not file.size]:
        del files[path]
    return trouble_of({path: file.size for path, file in files.items()})


def _digest(key: Key, files: Mapping[str, File]) -> str:
    facts: Sequence[object] = [
        (path, file.size, file.changed.isoformat(), file.tag) for path, file in sorted(files.items())
    ]
    return hashlib.sha256(repr((key.path, facts)).encode()).hexdigest()


def _mib(size_bytes: int) -> str:
    return f"{size_bytes // 2**20} MiB"
