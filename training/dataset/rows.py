"""The rows of a data set, each picture once, and everything that is wrong with them."""

from collections.abc import Sequence
from types import MappingProxyType

from training.dataset.errors import DatasetError
from training.dataset.tables import Tables

SPLITS = ("train", "validation", "test")
SPLIT_NAMES = MappingProxyType(
    {
        "train": "train",
        "training": "train",
        "validation": "validation",
        "valid": "validation",
        "val": "validation",
        "dev": "validation",
        "test": "test",
        "testing": "test",
    }
)
SHOWN = 5
UNKNOWN_SPLIT = "unknown split"


def create(tables: Tables) -> None:
    """Make the empty tables `raw` and `problems` (kind, image, detail)."""
    tables.run('create table raw (image varchar, keyword varchar, "group" varchar, split varchar)')
    tables.run("create table problems (kind varchar, image varchar, detail varchar)")


def settle(tables: Tables, group_pattern: str = "") -> None:
    """Make table `rows` (image, keyword, group, split) of `raw`. What is wrong goes to `problems`:

    rows without image; pictures named twice, of which one row stays; with several keywords, which then have none; in
    several splits or groups, which then are in none; without keyword; of a split that is unknown.
    """
    names = ", ".join(f"'{name}': '{split}'" for name, split in SPLIT_NAMES.items())
    tables.run(
        f"""create table named as select
            nullif(image, '') as image, nullif(keyword, '') as keyword, nullif("group", '') as "group",
            nullif(split, '') as given, map {{{names}}}[lower(given)] as split from raw"""
    )
    tables.run("drop table raw")
    if group_pattern:
        tables.run(
            """create or replace table named as
            select image, keyword, nullif(regexp_extract(image, ?, 1), '') as "group", given, split from named""",
            [group_pattern],
        )
    tables.run(
        """insert into problems select 'row without picture', null, keyword from named where image is null
        union all select ?, image, given from named where given is not null and split is null and image is not null""",
        [UNKNOWN_SPLIT],
    )
    _merge(tables)
    tables.run("insert into problems select 'no keyword', image, null from merged where keywords = 0")
    for column, kind in (("keyword", "several keywords"), ("split", "several splits"), ("group", "several groups")):
        sql = f"insert into problems select ?, image, all_{column} from merged where {column}s > 1"
        tables.run(sql, [kind])
    tables.run("insert into problems select 'named twice', image, copies || ' rows' from merged where copies > 1")
    tables.run('create table rows as select image, keyword, "group", split from merged')
    tables.run("drop table merged")


def _merge(tables: Tables) -> None:
    columns = ("keyword", "split", "group")
    merged = ", ".join(
        f'count(distinct "{one}") as {one}s, string_agg(distinct "{one}", \', \' order by "{one}") as all_{one}, '
        f'case when {one}s = 1 then min("{one}") end as "{one}"'
        for one in columns
    )
    tables.run(
        f"""create table merged as select image, count(*) as copies, {merged}
        from named where image is not null group by image"""
    )
    tables.run("drop table named")


def require_known_splits(tables: Tables) -> None:
    """Raises DatasetError where a split is none of ours."""
    found = tables.rows(
        "select detail, count(*) from problems where kind = ? group by detail order by 2 desc, 1", [UNKNOWN_SPLIT]
    )
    if found:
        named = some([f"{detail} ({count} rows)" for detail, count in found])
        raise DatasetError(f"unknown split {named}; allowed are {', '.join(SPLITS)}")


def some(texts: Sequence[str], shown: int = SHOWN) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(texts) - shown} more" if len(texts) > shown else ""
    return ", ".join(texts[:shown]) + more


def count_problems(tables: Tables) -> list[tuple[str, int]]:
    """Each kind of problem with its number, the most frequent first."""
    found = tables.rows("select kind, count(*) from problems group by kind order by 2 desc, 1")
    return [(str(kind), int(count)) for kind, count in found]
