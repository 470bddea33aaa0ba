"""A store of templates and the folder that is kept in step with it, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import obstore
from obstore.store import ObjectStore

from gateway.settings import Settings
from gateway.store import Shelf
from gateway.telemetry import Telemetry
from gateway.templates import Templates

SHEET = "template.yaml"


def keeper(folder: Path, store: ObjectStore, telemetry: Telemetry | None = None) -> Templates:
    telemetry = telemetry or Telemetry()
    return Templates(folder, Shelf(store, Settings(), telemetry), telemetry)


def put(store: ObjectStore, version: str, **files: str | bytes) -> None:
    """Files by their names, with __ for a dot."""
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        obstore.put(store, f"{version}/{name.replace('__', '.')}", data)


def seen(folder: Path) -> dict[str, str]:
    """What a reader finds, by path."""
    versions = {path.relative_to(folder): path.resolve() for path in folder.glob("[a-z]*/[1-9]*") if path.is_dir()}
    return {
        f"{version}/{path.relative_to(place)}": path.read_text()
        for version, place in versions.items()
        for path in place.rglob("*")
        if path.is_file()
    }


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def counted(telemetry: Telemetry) -> Mapping[str, float]:
    lines = [line.rsplit(" ", 1) for line in telemetry.exposition().decode().splitlines()]
    found = {name: float(value) for name, value in lines if name.startswith("gateway_templates_")}
    return {name.partition('="')[2].rstrip('"}'): value for name, value in found.items() if "_created" not in name}


async def settle(keeper: Templates) -> None:
    """Two looks: what changed is taken by the second one."""
    await keeper.look()
    await keeper.look()
