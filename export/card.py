"""What model.json says about a version."""

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import onnx

from export.checkpoint import Checkpoint
from export.licence import Licence
from export.network import Network
from export.options import Options
from export.proof import Proof
from export.roles import Precision, Role
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


def shape(network: Network, role: Role) -> Facts:
    return {
        "architecture": network.architecture,
        "network_size": network.size,
        "resized_in_graph": network.size != role.size,
        "one_picture_at_a_time": network.loops,
        "head": asdict(network.head),
        "preprocessing": asdict(network.preprocessing),
        "remarks": list(network.remarks),
    }


def measured(path: Path, proof: Proof, role: Role, precision: Precision) -> Facts:
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "opset": opset_of(onnx.load(path)),
        "precision": precision,
        "max_difference": proof.largest,
        "tolerance": role.tolerance[precision].largest,
        "size_bytes": path.stat().st_size,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "proof": proof.facts(),
    }
