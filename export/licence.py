"""What may be done with weights: who published them, what their card says, what the person states."""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from export.errors import LicenceError

UNKNOWN = "unknown"
CARD = "README.md"


@dataclass(frozen=True)
class Known:
    """A published source, by glob over its name: its licence, and whether that allows commercial use."""

    pattern: str
    licence: str
    commercial: bool


# First match wins. NVIDIA's own SegFormer weights are for research only, and so is what was fine-tuned from them.
KNOWN = (
    Known("nvidia/*", "LicenseRef-NVIDIA-SegFormer", commercial=False),
    Known("briaai/rmbg-1.4*", "LicenseRef-BRIA-RMBG-1.4", commercial=False),
    Known("briaai/*", "CC-BY-NC-4.0", commercial=False),
    Known("*rmbg-1.4*", "LicenseRef-BRIA-RMBG-1.4", commercial=False),
    Known("*rmbg*", "CC-BY-NC-4.0", commercial=False),
    Known("zhengpeng7/birefnet*", "MIT", commercial=True),
    Known("onnx-community/birefnet*", "MIT", commercial=True),
    Known("openai/clip-vit*", "MIT", commercial=True),
    Known("facebook/dinov2*", "Apache-2.0", commercial=True),
    Known("facenet_pytorch*", "MIT", commercial=True),
    Known("pekingu/rtdetr*", "Apache-2.0", commercial=True),
    Known("ustc-community/dfine*", "Apache-2.0", commercial=True),
    Known("roboflow/rf-detr-*xlarge", "LicenseRef-PML-1.0", commercial=False),
    Known("roboflow/rf-detr*", "Apache-2.0", commercial=True),
    Known("facebook/dinov3*", "LicenseRef-DINOv3", commercial=True),
    Known("ultralytics/*", "AGPL-3.0", commercial=False),  # whoever serves it opens all of theirs, or pays
    Known("yolov8*", "AGPL-3.0", commercial=False),
)

_COMMERCIAL = (
    *("mit", "mit-0", "apache-2.0", "isc", "zlib", "unlicense", "0bsd", "bsl-1.0", "cc0-1.0", "cc-by-4.0", "cc-by-3.0"),
    *(
        "dinov3-license",
        "licenseref-dinov3",
        "cc-by-sa-4.0",
        "cc-by-sa-3.0",
        "mpl-2.0",
        "openrail",
        "openrail++",
        "creativeml-openrail-m",
        "wtfpl",
    ),
    *("bsd-2-clause", "bsd-3-clause", "lgpl-2.1*", "lgpl-3.0*", "gpl-2.0*", "gpl-3.0*", "agpl-3.0*", "epl-2.0"),
)

_CACHED = re.compile(r"(?:^|/)models--([^/]+?)--([^/]+)")


@dataclass(frozen=True)
class Licence:
    """`commercial` is False also where nobody knows; `origin` says who says so."""

    name: str
    commercial: bool
    origin: str


def detect(source: str, folder: Path | None, stated: str | None, made_with: str = "") -> Licence:
    """The licence of weights. A statement names it, but for a source known to forbid commercial use; what was
    fine-tuned from such a source is bound by it too, and so is what only such a one's library can make.
    """
    card = _card(folder)
    ancestors = [source, made_with, *card.get("base_model", []), *_parent(folder)]
    known = next(filter(None, map(_known, ancestors)), None)
    forbidden = next((entry for entry in map(_known, ancestors) if entry and not entry.commercial), None)
    if forbidden:
        return Licence(forbidden.licence, commercial=False, origin="known source")
    if stated:
        return Licence(stated, allows_commercial(stated), "stated")
    written = _written(card)
    if written:
        return Licence(written, allows_commercial(written), "model card")
    if known and _known(source):
        return Licence(known.licence, commercial=True, origin="known source")
    return Licence(UNKNOWN, commercial=False, origin="nothing found")


def allows_commercial(name: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern) for pattern in _COMMERCIAL)


def require_commercial(licence: Licence, source: str) -> None:
    """Raises LicenceError unless the licence is known to allow commercial use."""
    if licence.commercial:
        return
    if licence.name == UNKNOWN:
        raise LicenceError(f"{source}: no licence found and --commercial-only is on; name it with --licence SPDX")
    raise LicenceError(f"{source}: licence {licence.name} ({licence.origin}) is not known to allow commercial use")


def _known(source: str) -> Known | None:
    """Matches `organisation/name` and the last part of a path, so that a downloaded copy is recognised too, and the
    folder of the hub client's cache.
    """
    name = source.lower().rstrip("/")
    shorts = {name, "/".join(name.split("/")[-2:]), name.rsplit("/", 1)[-1]}
    shorts |= {"/".join(cached) for cached in _CACHED.findall(name)}
    return next((entry for entry in KNOWN if any(fnmatchcase(short, entry.pattern) for short in shorts)), None)


def _parent(folder: Path | None) -> list[str]:
    """The checkpoint that these weights were loaded from before they were trained further, as its config notes it."""
    path = folder / "config.json" if folder else None
    if path is None or not path.exists():
        return []
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return []  # beside a graph nobody needs it; where it is needed, opening the checkpoint has refused it
    name = config.get("_name_or_path") if isinstance(config, dict) else None
    return [name] if isinstance(name, str) and name else []


def _card(folder: Path | None) -> dict[str, list[str]]:
    """The front matter of a model card: every key with its value or its list of values."""
    path = folder / CARD if folder else None
    if path is None or not path.exists():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    matter = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    facts: dict[str, list[str]] = {}
    key = ""
    for line in matter[1].splitlines() if matter else []:
        if found := re.match(r"([\w-]+):\s*(.*)$", line):
            key = found[1]
            facts[key] = [_plain(found[2])] if found[2] else []
        elif found := re.match(r"\s*-\s+(.+)$", line):
            facts.setdefault(key, []).append(_plain(found[1]))
    return facts


def _plain(value: str) -> str:
    return value.strip().strip("\"'")


def _written(card: dict[str, list[str]]) -> str | None:
    """`license`, or the name that goes with `license: other`."""
    name = next(iter(card.get("license", [])), None)
    if name and name.lower() == "other":
        return next(iter(card.get("license_name", [])), "other")
    return name
