"""The folder of templates, `<name>/<version>/template.yaml`. What changes on disk is read again."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from imaging.errors import ImageError
from imaging.template_file import Template, read
from imaging.template_sheet import FILE

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
VERSION = re.compile(r"[1-9][0-9]{0,8}")
KEPT = 16

Stamp: TypeAlias = tuple[tuple[str, int, int, int], ...]


class UnknownTemplateError(ImageError):
    """No such template, or no such version of it; the text names those that there are."""


@dataclass(slots=True)
class Shelf:
    """Gives out templates; at most `kept` versions stay in memory. Threads may share one."""

    folder: str | Path
    kept: int = KEPT
    _known: OrderedDict[Path, tuple[Stamp, Template]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def names(self) -> list[str]:
        return sorted(
            path.name for path in _folders(Path(self.folder)) if NAME.fullmatch(path.name) and _versions(path)
        )

    def versions(self, name: str) -> list[int]:
        """Return the versions of a template, oldest first. Raises UnknownTemplateError."""
        found = _versions(Path(self.folder) / name) if NAME.fullmatch(name) else []
        if not found:
            there = ", ".join(self.names()) or "none"
            raise UnknownTemplateError(f"template.name: there is no template {name!r}; there are: {there}")
        return found

    def load(self, name: str, version: int | None = None) -> Template:
        """Return a version, the one with the highest number without. Raises UnknownTemplateError and TemplateError,
        which concerns this template alone.
        """
        versions = self.versions(name)
        if version is not None and version not in versions:
            there = ", ".join(map(str, versions))
            raise UnknownTemplateError(f"template.version: {name} has no version {version}; it has: {there}")
        folder = Path(self.folder) / name / str(versions[-1] if version is None else version)
        with self._lock:
            return self._fresh(folder)

    def _fresh(self, folder: Path) -> Template:
        # A version out of a store is a link that is exchanged for another: all of its files are read from the same one.
        place = folder.resolve()
        found = _stamp(place)  # before reading: what changes meanwhile is then seen the next time
        stamp, template = self._known.pop(folder, (None, None))
        if template is None or stamp != found:
            template = read(place)
        self._known[folder] = (found, template)
        while len(self._known) > self.kept:
            self._known.popitem(last=False)
        return template


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _versions(folder: Path) -> list[int]:
    found = [path for path in _folders(folder) if VERSION.fullmatch(path.name) and (path / FILE).is_file()]
    return sorted(int(path.name) for path in found)


def _stamp(folder: Path) -> Stamp:
    """Return what tells a folder with a changed file from the one that was read."""
    states = [(str(path), path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    return tuple((name, state.st_mtime_ns, state.st_size, state.st_ino) for name, state in states)
