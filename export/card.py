"""What model.json says about a version."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import onnx

from export.checkpoint import Checkpoint
from export.kinds import Precision
from export.licence import Licence
from export.options import Options
from export.proof import Proof
from export.roles import Role
from export.wrap import opset_of

Facts = dict[str, object]


def origin(role: Role, checkpoint: Checkpoint, options: Options, terms: Licence) -> Facts:
    return {
        "role": role.name,
        "source": options.source or checkpoint.source,
        "revision": checkpoint.revision,
        "licence": terms.name,
        "licence_origin": terms.origin,
        "commercial_use": terms.commercial,
    }


def measured(path: Path, proof: Proof, precision: Precision) -> Facts:
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "opset": opset_of(onnx.load(path)),
        "precision": precision,
        "max_difference": proof.largest,
        "size_bytes": path.stat().st_size,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "proof": proof.facts(),
    }
