"""The one place where an exported model is measured before it may be served."""

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from types import MappingProxyType

import numpy as np
import onnx

from export import contract, pictures, processor
from export.contract import ALPHA, PIXELS, Contract
from export.network import Network
from export.pictures import Samples
from export.processor import Pictures, Planes
from export.roles import Tolerance
from export.runtime import Answer, Session
from export.wrap import network_input, opset_of

# The processor computes in float32, in another order: a few units in the last place.
PIXEL_TOLERANCE = 2e-5
HALF_PIXEL_TOLERANCE = 5e-3
RELEASE_OPSET = 21
Runner = Callable[[Pictures], Answer]


@dataclass(frozen=True)
class Row:
    """One check. `limit` is None for what is only reported; `ok` is then True."""

    check: str
    value: float | str
    limit: float | str | None
    unit: str
    ok: bool


@dataclass(frozen=True)
class Proof:
    rows: tuple[Row, ...]
    largest: float

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows)

    def failures(self) -> list[str]:
        return [f"{row.check}: {row.value} {row.unit}".rstrip() for row in self.rows if not row.ok]

    def facts(self) -> list[dict[str, object]]:
        return [asdict(row) for row in self.rows]

    def table(self) -> str:
        lines = [("check", "measured", "limit", "unit", "")]
        for row in self.rows:
            limit = "" if row.limit is None else _shown(row.limit)
            lines.append((row.check, _shown(row.value), limit, row.unit, "ok" if row.ok else "FAILED"))
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        return "\n".join("  ".join((*map(str.ljust, line, widths), line[4])).rstrip() for line in lines)


def prove(path: Path, network: Network, promised: Contract, tolerance: Tolerance, samples: Samples) -> Proof:
    """Everything about the ONNX file at `path`: the contract that config.pbtxt promises, the network's reference on
    noise and on `samples`, preprocessing, size, time.
    """
    batches = (Samples("noise", pictures.noise(samples.batch.shape[1])), samples)
    model = onnx.load(path)
    run = runner(path, ALPHA)
    mattes = [_mattes(network, one.batch) for one in batches]
    tried = list(zip(batches, mattes, strict=True))
    values = [row for one, wanted in tried for row in _values(one, wanted, run, tolerance)]
    largest = max(float(row.value) for row in values if row.unit == "levels, max")
    rows = (
        *contract_rows(promised, model),
        *values,
        _spread(mattes),
        *_preprocessing(model, network, samples),
        *reported_rows(path, model, run, samples),
    )
    return Proof(rows, largest)


def reported_rows(path: Path, model: onnx.ModelProto, run: Runner, samples: Samples) -> tuple[Row, ...]:
    """What has no limit: size, time, and whether an older server can load the file."""
    return (
        _reported("file size", path.stat().st_size, "bytes"),
        _reported("latency, batch 1", latency(run, samples.batch[:1]), f"ms, median, CPU, {os.cpu_count()} cores"),
        release_row(model),
    )


def contract_rows(promised: Contract, model: onnx.ModelProto) -> list[Row]:
    found = contract.of_graph(model)
    pairs = (("input", promised.inputs, found.inputs), ("output", promised.outputs, found.outputs))
    return [
        Row(f"{kind} as in config.pbtxt", _tensors(theirs), _tensors(ours), "", ours == theirs)
        for kind, ours, theirs in pairs
    ]


_TYPES: Mapping[str, type[np.generic]] = MappingProxyType(
    {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(int32)": np.int32}
)


def runner(path: Path, output: str) -> Runner:
    """One output of the file in ONNX Runtime, on the CPU with its defaults; pictures in the type that it takes."""
    session = Session(path)
    ((given, kind),) = session.inputs.items()
    dtype = _TYPES[kind]

    def run(batch: Pictures) -> Answer:
        return session.run(given, batch.astype(dtype, copy=False), [output])[0]

    return run


def latency(run: Runner, batch: Pictures, *, seconds: float = 0.5) -> float:
    """Median milliseconds of at least three runs, after one that warms up."""
    run(batch)
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:  # noqa: PLR2004
        start = time.perf_counter()
        run(batch)
        times.append(time.perf_counter() - start)
    return round(median(times) * 1000, 1)


def _mattes(network: Network, batch: Pictures) -> Pictures:
    """The reference, computed picture by picture."""
    return np.concatenate([network.matte(batch[i : i + 1]) for i in range(len(batch))])


def _values(samples: Samples, wanted: Pictures, run: Runner, tolerance: Tolerance) -> list[Row]:
    """All pictures in batches of 1 and of 3 against the same reference."""
    batch = samples.batch
    rows: list[Row] = []
    for size in (1, pictures.COUNT):
        found = np.concatenate([run(batch[i : i + size]) for i in range(0, len(batch), size)])
        rows += difference_rows(f"values, {samples.label}, batch {size}", found, wanted, tolerance)
    return rows


def _spread(mattes: list[Pictures]) -> Row:
    """A network that gives every pixel of every picture the same value is no matte, and agreeing with it no proof."""
    spread = float(max(matte.max() for matte in mattes)) - float(min(matte.min() for matte in mattes))
    return Row("range of the reference, at least", spread, 1.0, "levels", spread >= 1)


def difference_rows(check: str, found: Answer, wanted: Answer, tolerance: Tolerance) -> list[Row]:
    """Largest and mean difference of two batches of mattes [n, h, w]."""
    difference = np.abs(found.astype(np.int16) - wanted.astype(np.int16))
    largest, mean = float(difference.max()), round(float(difference.mean()), 5)
    return [
        Row(check, largest, tolerance.largest, "levels, max", largest <= tolerance.largest),
        Row(check, mean, tolerance.mean, "levels, mean", mean <= tolerance.mean),
    ]


def _preprocessing(model: onnx.ModelProto, network: Network, samples: Samples) -> list[Row]:
    """The network's input as the graph makes it, against the checkpoint's own processor. Single colours must agree
    always; pictures too where nothing is resized, otherwise the difference of the resize rules is reported.
    """
    session = Session(network_input(model).SerializeToString())

    def made(batch: Pictures) -> Planes:
        return np.asarray(session.run(PIXELS, batch)[0], dtype=np.float32)

    side, size = samples.batch.shape[1], network.size
    limit = HALF_PIXEL_TOLERANCE if network.takes_half else PIXEL_TOLERANCE
    colours, owner = _wanted(network, pictures.flat(side))
    wanted, _ = _wanted(network, samples.batch)
    rows = [_limited(f"preprocessing, colours, {owner}", _deviation(made(pictures.flat(side)), colours), limit)]
    deviation, name = _deviation(made(samples.batch), wanted), f"preprocessing, {samples.label}, {owner}"
    if size == side:
        return [*rows, _limited(name, deviation, limit)]
    return [*rows, _reported(f"{name}, resize {side} to {size}", deviation, "pixel_values, max")]


def _wanted(network: Network, batch: Pictures) -> tuple[Planes, str]:
    """`pixel_values`, and whose they are."""
    own = processor.run(network.folder, batch, network.size)
    return (network.planes(batch), "its stated values") if own is None else (own, "its own processor")


def _deviation(made: Planes, wanted: Planes) -> float:
    return float(np.abs(made - wanted).max()) if made.shape == wanted.shape else math.inf


def _limited(check: str, value: float, limit: float) -> Row:
    return Row(check, value, limit, "pixel_values, max", value <= limit)


def _reported(check: str, value: float | str, unit: str) -> Row:
    return Row(check, value, None, unit, ok=True)


def release_row(model: onnx.ModelProto) -> Row:
    """Whether NVIDIA's 24.10 container can load the file with its own ONNX Runtime 1.19."""
    reasons = [f"opset {opset_of(model)}"] if opset_of(model) > RELEASE_OPSET else []
    reasons += ["DeformConv"] if any(node.op_type == "DeformConv" for node in model.graph.node) else []
    verdict = f"no: {', '.join(reasons)}" if reasons else "yes"
    return _reported("loads in ONNX Runtime 1.19 (release 24.10)", verdict, "")


def _tensors(tensors: tuple[contract.Tensor, ...]) -> str:
    return ", ".join(map(str, tensors))


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.10g}"
