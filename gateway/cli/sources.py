"""Which photos are meant by what was typed, and what their results are called."""

import glob
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.cli.client import MEDIA_TYPES, UsageError
from gateway.cli.stores import StoredPhoto, stored_photos

SHOWN = 5


class Source(Protocol):
    """A file, here or in a store; its text is where it is."""

    @property
    def name(self) -> str: ...

    def read_bytes(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Photo:
    """`name` is the result's path within the results' folder, without its extension; `mark` tells without reading it
    whether the photo is still the same, empty where only its bytes can tell.
    """

    source: Source
    name: str
    mark: str = ""


def photos(given: Sequence[str], out: Path) -> list[Photo]:
    """The photos of files, of folders with all below them, of patterns (*, ?, **) and of a store's prefixes
    (s3://bucket/prefix), each once, by their names.

    What lies in a folder or below a prefix keeps its place below it. Results of earlier runs in `out` are no photos.
    Raises UsageError where nothing is found, or where two results would have one name, or a result that of a photo.
    """
    found = {_place(photo.source): photo for text in reversed(given) for photo in _meant(text, out.resolve())}
    if not found:
        raise UsageError(f"no pictures ({', '.join(MEDIA_TYPES)}) in {', '.join(given)}")
    _check_names(found.values())
    _check_overwriting(found, out.resolve())
    return sorted(found.values(), key=lambda photo: photo.name)


def _meant(text: str, out: Path) -> Iterator[Photo]:
    path = Path(text)
    if "://" in text:
        yield from map(_stored, stored_photos(text))
    elif path.is_file():
        yield Photo(path, path.stem)
    elif path.is_dir():
        yield from _below(path, path.rglob("*"), out)
    elif glob.has_magic(text):
        folder = _fixed_part(path)
        yield from _below(folder, folder.glob(str(path.relative_to(folder))), out)
    else:
        raise UsageError(f"{text} is neither a photo nor a folder")


def _stored(source: StoredPhoto) -> Photo:
    return Photo(source, str(Path(source.path).with_suffix("")), source.mark)


def _place(source: Source) -> Source:
    return source.resolve() if isinstance(source, Path) else source


def _below(folder: Path, paths: Iterable[Path], out: Path) -> Iterator[Photo]:
    for path in paths:
        place = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in place.parts)
        if hidden or path.suffix.lower() not in MEDIA_TYPES or not path.is_file():
            continue
        if folder.resolve().is_relative_to(out) or not path.resolve().is_relative_to(out):
            yield Photo(path, place.with_suffix("").as_posix())


def _fixed_part(pattern: Path) -> Path:
    return next(parent for parent in pattern.parents if not glob.has_magic(str(parent)))


def _check_names(found: Iterable[Photo]) -> None:
    sources = defaultdict(list)
    for photo in found:
        sources[photo.name.casefold()].append(str(photo.source))
    twice = [" and ".join(sorted(several)) for several in sources.values() if len(several) > 1]
    if twice:
        raise UsageError(
            f"results would have the same name: {_some(twice)}; name the folder above them, whose structure is kept, "
            "or process them into folders of their own"
        )


def _check_overwriting(found: dict[Source, Photo], out: Path) -> None:
    results = {str(out / photo.name).casefold() for photo in found.values()}
    files = {path: photo for path, photo in found.items() if isinstance(path, Path)}
    lost = sorted(str(photo.source) for path, photo in files.items() if str(path.with_suffix("")).casefold() in results)
    if lost:
        raise UsageError(f"results would lie where the photos are: {_some(lost)}; choose another folder with --out")


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
