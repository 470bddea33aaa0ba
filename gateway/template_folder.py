"""The folder of templates on disk, and in it the versions that came from a store.

Such a version is a link to a folder that is written once: `<name>/<number>` -> `../.store/<digest>/<name>/<number>`.
The link is exchanged in one step, and its target tells which objects of the store it was made from. What is no such
link was put there by hand and is never touched.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from uuid import uuid4

from gateway.template_versions import NAME, VERSION, Key, Version

ROOM = ".store"
LOCK = "lock"
GRACE_S = 60.0


class TemplateFolder:
    """Every method may raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._room = folder / ROOM
        self._unused: dict[Path, float] = {}

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Keeps other gateways from changing the folder meanwhile; false where one of them does that now."""
        self._room.mkdir(parents=True, exist_ok=True)
        with (self._room / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def linked(self) -> dict[Key, str]:
        """The versions that came from a store, with their digests."""
        found = {}
        for path in self._folder.glob("*/*"):
            digest = _digest(path)
            if digest:
                found[Key(path.parent.name, int(path.name))] = digest
        return found

    def is_free(self, key: Key) -> bool:
        """Whether nobody put anything there by hand."""
        path = self._folder / key.path
        return not path.parent.is_symlink() and (bool(_digest(path)) or not os.path.lexists(path))

    def is_whole(self, version: Version) -> bool:
        """Whether all of a version's files are here, linked or not."""
        place = self._place(version)
        return all(_size(place / path) == file.size for path, file in version.files.items())

    def new(self) -> Path:
        """A folder of its own for files on their way in, which readers do not see."""
        # Readable for the server's user: tempfile's would not be.
        folder = self._room / uuid4().hex
        folder.mkdir()
        return folder

    def admit(self, staged: Path, version: Version) -> None:
        """Makes what `new` gave a version, `staged/<name>/<number>`, that can be linked."""
        place = self._room / version.digest
        if place.exists():
            place.rename(self._room / uuid4().hex)
        staged.rename(place)

    def link(self, version: Version) -> None:
        """Shows readers a version, in place of the one before it if there is one."""
        path = self._folder / version.key.path
        path.parent.mkdir(exist_ok=True)
        aside = self._room / uuid4().hex
        aside.symlink_to(Path("..", ROOM, version.digest, version.key.path))
        aside.replace(path)

    def unlink(self, key: Key) -> None:
        path = self._folder / key.path
        path.unlink()
        with suppress(OSError):  # other versions are left
            path.parent.rmdir()

    def sweep(self) -> None:
        """Deletes what no link leads to any more, after a while: readers may be at work in what was just replaced."""
        now, used = time.monotonic(), {LOCK, *self.linked().values()}
        self._unused = {path: self._unused.get(path, now) for path in self._room.iterdir() if path.name not in used}
        for path in [path for path, since_s in self._unused.items() if now - since_s >= GRACE_S]:
            if path.is_symlink():
                path.unlink()
            else:
                shutil.rmtree(path)
            del self._unused[path]

    def _place(self, version: Version) -> Path:
        return self._room / version.digest / version.key.path


def _digest(path: Path) -> str:
    """What a link of ours leads to; empty for anything else."""
    name, number = path.parent.name, path.name
    if not (NAME.fullmatch(name) and VERSION.fullmatch(number) and path.is_symlink()) or path.parent.is_symlink():
        return ""
    target = PurePosixPath(path.readlink()).parts
    ours = len(target) == 5 and (target[:2], target[3:]) == (("..", ROOM), (name, number))  # noqa: PLR2004 - see above
    return target[2] if ours else ""


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
