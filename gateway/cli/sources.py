"""Which photos are meant by what was typed, and what their results are called."""

import glob
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.client import MEDIA_TYPES, UsageError

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Photo:
    """`name` is the result's path within the results' folder, without its extension."""

    source: Path
    name: str


def photos(given: Sequence[str], out: Path) -> list[Photo]:
    """The photos of files, of folders with all below them, and of patterns (*, ?, **), each once, by their names.

    What lies in a folder keeps its place below it. Results of earlier runs in `out` are no photos. Raises UsageError
    where nothing is found, or where two results would have one name, or a result that of a photo.
    """
    found = {photo.source.resolve(): photo for text in reversed(given) for photo in _meant(text, out.resolve())}
    if not found:
        raise UsageError(f"no pictures ({', '.join(MEDIA_TYPES)}) in {', '.join(given)}")
    _check_names(found.values())
    _check_overwriting(found, out.resolve())
    return sorted(found.values(), key=lambda photo: photo.name)


def _meant(text: str, out: Path) -> Iterator[Photo]:
    path = Path(text)
    if path.is_file():
        yield Photo(path, path.stem)
    elif path.is_dir():
        yield from _below(path, path.rglob("*"), out)
    elif glob.has_magic(text):
        folder = _fixed_part(path)
        yield from _below(folder, folder.glob(str(path.relative_to(folder))), out)
    else:
        raise UsageError(f"{text} is neither a photo nor a folder")


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


def _check_overwriting(found: dict[Path, Photo], out: Path) -> None:
    results = {str(out / photo.name).casefold() for photo in found.values()}
    lost = sorted(str(photo.source) for path, photo in found.items() if str(path.with_suffix("")).casefold() in results)
    if lost:
        raise UsageError(f"results would lie where the photos are: {_some(lost)}; choose another folder with --out")


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
