"""What a report says about the rows and pictures of a data set; each finding is a number and the first cases."""

from dataclasses import asdict, dataclass
from typing import Any

from training.dataset.duplicates import KINDS
from training.dataset.rows import SPLITS
from training.dataset.tables import Tables

CASES = 24
MEMBERS = 6
NAMED = 200


@dataclass(frozen=True)
class Member:
    """A picture of a cluster."""

    image: str
    keyword: str
    split: str


@dataclass(frozen=True)
class Clusters:
    """How many clusters there are, how many pictures in all of them, and the largest with their first pictures."""

    clusters: int
    pictures: int
    largest: tuple[tuple[int, tuple[Member, ...]], ...]


# What is asked of a cluster, as SQL over its rows.
SEVERAL = "count(*) > 1"
IN_SPLITS = "count(distinct split) > 1"
IN_KEYWORDS = "count(distinct keyword) > 1"


def clusters(tables: Tables, kind: str, condition: str) -> Clusters:
    """Clusters of a kind of duplicates, or with kind `group` the groups of the rows, that hold a condition."""
    source = "rows" if kind == "group" else "duplicates join rows using (image)"
    sql = (
        f'select "{kind}" as cluster, count(*) as pictures, min(image, {MEMBERS}) as images from {source} '
        f'where "{kind}" is not null group by 1 having {condition}'
    )
    number, pictures = tables.rows(f"select count(*), coalesce(sum(pictures), 0) from ({sql})")[0]
    found = tables.rows(f"{sql} order by pictures desc, cluster limit {CASES}")
    largest = tuple((int(count), tuple(_member(tables, image) for image in images)) for _, count, images in found)
    return Clusters(int(number), int(pictures), largest)


def _member(tables: Tables, image: str) -> Member:
    ((keyword, split),) = tables.rows("select keyword, split from rows where image = ?", [image])
    return Member(image, keyword or "", split or "")


def duplicates(tables: Tables) -> dict[str, Clusters]:
    """Equal files, near ones that are more than that, and ones that are alike to an embedder."""
    conditions = {"exact": SEVERAL, "near": "count(distinct exact) > 1", "alike": "count(distinct near) > 1"}
    return {kind: clusters(tables, kind, condition) for kind, condition in conditions.items()}


def leaks(tables: Tables, *, pictures: bool) -> dict[str, Clusters]:
    """What is in several splits: groups and, where pictures were looked at, clusters of duplicates."""
    kinds = ("group", *KINDS) if pictures else ("group",)
    return {kind: clusters(tables, kind, IN_SPLITS) for kind in kinds}


def conflicts(tables: Tables) -> Clusters:
    """Near duplicates with different keywords."""
    return clusters(tables, "near", IN_KEYWORDS)


def problems(tables: Tables) -> list[dict[str, Any]]:
    """Each kind of problem of the rows with its number and its first cases."""
    kinds = tables.rows("select kind, count(*) from problems group by kind order by 2 desc, 1")
    return [
        {
            "kind": kind,
            "count": count,
            "cases": tables.rows(
                "select coalesce(image, ''), coalesce(detail, '') from problems where kind = ? order by 1, 2 limit ?",
                [kind, CASES],
            ),
        }
        for kind, count in kinds
    ]


def by_split(tables: Tables) -> dict[str, dict[str, int]]:
    """Keyword -> split -> pictures, the most frequent keyword first; pictures without split count as `none`."""
    found = tables.rows(
        "select keyword, coalesce(split, 'none'), count(*), sum(count(*)) over (partition by keyword) as total "
        "from rows where keyword is not null group by 1, 2 order by total desc, 1"
    )
    counts: dict[str, dict[str, int]] = {}
    for keyword, split, count, _ in found:
        counts.setdefault(keyword, dict.fromkeys((*SPLITS, "none"), 0))[split] = count
    return counts


def warnings(counts: dict[str, dict[str, int]]) -> list[str]:
    """Keywords that a split has no picture of, though it has others, in words."""
    found = []
    for split in SPLITS:
        missing = [keyword for keyword, splits in counts.items() if not splits[split]]
        if missing and len(missing) < len(counts):
            found.append(f"{split} has no picture of {', '.join(missing)}")
    return found


def broken(tables: Tables) -> dict[str, Any]:
    """The pictures that cannot be used: their number, by reason, and the first of them by name."""
    return {
        "count": tables.value("select count(*) from pictures where error is not null"),
        "reasons": tables.rows(
            "select error, count(*) from pictures where error is not null group by 1 order by 2 desc, 1"
        ),
        "files": tables.rows(f"select image, error from pictures where error is not null order by image limit {NAMED}"),
    }


def sound(tables: Tables) -> dict[str, Any]:
    """Formats, traits and quantiles of the pictures that can be used."""
    of_sound = "from pictures where error is null"
    quantiles = "[0, 0.05, 0.5, 0.95, 1]"
    columns = ("width", "height", "size", "light", "contrast", "sharpness")
    selected = ", ".join(f"quantile_disc({column}, {quantiles})" for column in columns)
    return {
        "count": tables.value(f"select count(*) {of_sound}"),
        "even": tables.value(f"select count(*) {of_sound} and signature is null"),
        "formats": tables.rows(f"select format, count(*) {of_sound} group by 1 order by 2 desc, 1"),
        "traits": tables.rows(
            "select trait, count(*) from (select unnest(string_split(traits, ', ')) as trait "
            f"{of_sound}) where trait <> '' group by 1 order by 2 desc, 1"
        ),
        "quantiles": dict(zip(columns, tables.rows(f"select {selected} {of_sound}")[0], strict=True)),
    }


def extremes(tables: Tables) -> dict[str, list[str]]:
    """The pictures at the ends: darkest, brightest, least sharp, smallest."""
    orders = {
        "darkest": "light",
        "brightest": "light desc",
        "least sharp": "sharpness",
        "smallest": "least(width, height)",
    }
    sql = "select image from pictures where error is null order by {}, image limit {}"
    return {name: [row[0] for row in tables.rows(sql.format(order, MEMBERS))] for name, order in orders.items()}


def samples(tables: Tables, seed: int = 1) -> dict[str, list[str]]:
    """Some sound pictures of each of the most frequent keywords."""
    found = tables.rows(
        f"""select keyword, list(image order by place) from
        (select keyword, image, row_number() over (partition by keyword order by md5('{seed}:' || image)) as place,
         count(*) over (partition by keyword) as total
         from rows join pictures using (image) where error is null and keyword is not null)
        where place <= {MEMBERS} group by keyword order by any_value(total) desc, keyword limit {CASES}"""
    )
    return {str(keyword): list(images) for keyword, images in found}


def plain(found: dict[str, Clusters]) -> dict[str, Any]:
    """For JSON."""
    return {kind: asdict(one) for kind, one in found.items()}
