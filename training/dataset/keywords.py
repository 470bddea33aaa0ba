"""Keywords to a standard: the mapping file (spelling, plural, synonyms -> group) and what it makes of a data set."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from training.dataset.errors import DatasetError
from training.dataset.rows import some
from training.dataset.spelling import normal, singular
from training.dataset.tables import Tables

How: TypeAlias = Literal["as it is", "spelling", "plural", "synonym", "ignored", "unknown"]
Unknown: TypeAlias = Literal["keep", "drop", "error"]
UNKNOWN: tuple[Unknown, ...] = ("keep", "drop", "error")
LARGEST = 10**7
NEAR = 60.0


class MappingFile(BaseModel):
    """The file: `groups` names each keyword with its synonyms; rows with an `ignore`d keyword lose it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    version: Literal[1]
    groups: dict[str, list[str] | None]
    ignore: list[str] = []
    plurals: bool = True


@dataclass(frozen=True)
class Found:
    """What became of a spelling: `keyword` is empty for what is ignored; `near` is the most similar known spelling."""

    spelling: str
    keyword: str
    how: How
    count: int = 0
    near: str = ""


class Standard:
    """Which keyword a spelling means."""

    def __init__(self, file: MappingFile, place: str) -> None:
        self._plurals = file.plurals
        self._exact: dict[str, tuple[str, str]] = {}
        self._singular: dict[str, tuple[str, str]] = {}
        for keyword, spellings in file.groups.items():
            for spelling in (keyword, *(spellings or ())):
                self._add(spelling, keyword, place)
        for spelling in file.ignore:
            self._add(spelling, "", place)

    def _add(self, spelling: str, keyword: str, place: str) -> None:
        key = normal(spelling)
        if not key:
            raise DatasetError(f"{place}: {spelling!r} in {keyword or 'ignore'} has neither letter nor digit")
        known = self._exact.setdefault(key, (keyword, spelling))
        if known[0] != keyword:
            both = f"{known[0] or 'ignore'} and {keyword or 'ignore'}"
            raise DatasetError(f"{place}: {spelling!r} means two keywords: {both}")
        self._singular.setdefault(singular(key), known)

    def of(self, spelling: str) -> Found:
        key = normal(spelling)
        if key in self._exact:
            keyword, known = self._exact[key]
            return Found(spelling, keyword, _how(spelling, keyword, key, known))
        found = self._singular.get(singular(key)) if self._plurals else None
        if found is not None:
            return Found(spelling, found[0], "plural" if found[0] else "ignored")
        return Found(spelling, key, "unknown", near=self._near(key))

    def _near(self, key: str) -> str:
        from rapidfuzz import fuzz, process

        found = process.extractOne(key, self._exact.keys(), scorer=fuzz.ratio, score_cutoff=NEAR)
        return "" if found is None else self._exact[found[0]][1]


def _how(spelling: str, keyword: str, key: str, known: str) -> How:
    if not keyword:
        return "ignored"
    if spelling == keyword:
        return "as it is"
    return "spelling" if key == normal(keyword) else "synonym" if normal(known) != normal(keyword) else "spelling"


def read(path: Path) -> Standard:
    """Read a mapping file. Raises DatasetError with the place in the file."""
    import yaml

    try:
        if path.stat().st_size > LARGEST:
            raise DatasetError(f"{path}: more than {LARGEST} bytes")
        return Standard(MappingFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    except yaml.YAMLError as error:
        raise DatasetError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise DatasetError(f"{path}: {_told(error)}") from error


def _told(error: ValidationError) -> str:
    return some([f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors()])


def counts(tables: Tables) -> dict[str, int]:
    """How many pictures have which keyword, the most frequent first; the key is empty for those without one."""
    found = tables.rows("select coalesce(keyword, ''), count(*) from rows group by 1 order by 2 desc, 1")
    return {str(keyword): int(count) for keyword, count in found}


def standardise(tables: Tables, mapping: Standard, unknown: Unknown) -> list[Found]:
    """Bring the keywords of table `rows` to the standard; what became of each spelling, the most frequent first.

    Unknown ones are kept in their normal spelling, dropped (the picture stays, without a keyword) or an error.
    Raises DatasetError.
    """
    import pyarrow as pa

    found = [_counted(mapping.of(spelling), count) for spelling, count in counts(tables).items() if spelling]
    strangers = [one for one in found if one.how == "unknown"]
    if strangers and unknown == "error":
        raise DatasetError(f"unknown keywords: {some([_described(one) for one in strangers])}; see --unknown")
    kept = [one.keyword if unknown == "keep" or one.how != "unknown" else "" for one in found]
    tables.run("create or replace table spellings (spelling varchar, standard varchar)")
    columns = [pa.array([one.spelling for one in found], pa.string()), pa.array(kept, pa.string())]
    tables.append("spellings", pa.table(columns, ["spelling", "standard"]))
    tables.run(
        """create or replace table rows as select image, nullif(standard, '') as keyword, "group", split
        from rows left join spellings on keyword = spelling"""
    )
    return found


def _counted(found: Found, count: int) -> Found:
    return Found(found.spelling, found.keyword, found.how, count, found.near)


def _described(found: Found) -> str:
    near = f", perhaps {found.near}" if found.near else ""
    return f"{found.spelling} ({found.count}{near})"


def summary(found: Sequence[Found], shown: int = 20) -> str:
    """What a mapping did, in words: pictures by reason, and the unknown keywords with the nearest known spelling."""
    pictures: Counter[str] = Counter()
    for one in found:
        pictures[one.how] += one.count
    strangers = [one for one in found if one.how == "unknown"]
    lines = [", ".join(f"{how}: {count}" for how, count in pictures.items()) or "no keywords"]
    if strangers:
        lines += [f"{len(strangers)} unknown keywords:", *(f"  {_described(one)}" for one in strangers[:shown])]
    if len(strangers) > shown:
        lines.append(f"  and {len(strangers) - shown} more")
    return "\n".join(lines)


def draft(spellings: Mapping[str, int]) -> str:
    """A mapping file to start from: spellings that differ in case, separators or plural share a group, which is named
    by the most frequent of them.
    """
    import yaml

    groups: dict[str, Counter[str]] = {}
    for spelling, count in spellings.items():
        if normal(spelling):
            groups.setdefault(singular(normal(spelling)), Counter())[spelling] += count
    named = {normal(_most(group)): _others(group) for group in groups.values()}
    content = {"version": 1, "plurals": True, "groups": dict(sorted(named.items())), "ignore": []}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=False)


def _most(group: Counter[str]) -> str:
    return min(group, key=lambda spelling: (-group[spelling], len(normal(spelling)), spelling))


def _others(group: Iterable[str]) -> list[str]:
    return sorted(set(group))
