"""Generated photos of a kitchen with what real sets have wrong, and the mapping file for their keywords."""

from __future__ import annotations

import csv
from pathlib import Path

LABELS = ("finalstep", "group_step", "oven", "pan", "pot", "prepared")
MAPPING = """\
version: 1
groups:
  oven: [oven tray, oven dish, muffin tray]
  pan: [pan one handle, pan two handles, grill pan]
  pot: [pot two handles, pot two handles small, saucepan, sause pan]
  prepared: [mixing bowl, cutting board, ingredients]
  finalstep:
  group_step:
"""


def disturbed(kitchen: Path) -> Path:
    """A manifest of a set that the generator made: a misspelt keyword, one that nobody knows, the first photo once more
    in another group, and half of it as a broken file.
    """
    with (kitchen / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    next(row for row in rows if row["keyword"] == "saucepan")["keyword"] = "Sause Pan"
    rows[5]["keyword"] = "wok"
    whole = (kitchen / rows[0]["image"]).read_bytes()
    for name, data in (("copy", whole), ("cut", whole[: len(whole) // 2])):
        (kitchen / "images" / f"{name}.jpg").write_bytes(data)
        rows.append(rows[0] | {"image": f"images/{name}.jpg", "group": f"recipe of the {name}"})
    path = kitchen / "photos.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
