"""TensorRT plans from an exported ONNX file, built and compared on the machine that will serve them."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.errors import EngineError, UsageError
from export.kinds import Precision
from export.loaded import Loaded
from export.processor import Pictures
from export.proof import Row, Runner
from export.runtime import Answer

PLAN = "model.plan"
WORKSPACE_BYTES = 4 << 30
CACHE = Path.home() / ".cache" / "darkroom" / "tensorrt"
CURE = "pip install tensorrt==10.4.0 (what Triton 24.10 reads) on the machine with the GPU that will serve"


@dataclass(frozen=True)
class Profile:
    """Batch sizes that a plan takes: at least, best, at most."""

    least: int
    best: int
    most: int


@dataclass(frozen=True)
class Plan:
    """A plan runs only on the TensorRT version and compute capability that built it."""

    tensorrt: str
    compute_capability: str
    profile: Profile
    sha256: str
    size_bytes: int

    def facts(self) -> dict[str, object]:
        return {"file": PLAN, **asdict(self)}


def profile_for(max_batch_size: int) -> Profile:
    return Profile(1, max(1, max_batch_size // 2), max(1, max_batch_size))


def require(precision: Precision) -> None:
    """Raises EngineError with the cure where no plan can be built, before any work is done."""
    if precision == "int8":
        raise UsageError("TensorRT reads no dynamically quantised graphs; use --precision fp16 or fp32 with it")
    try:
        import tensorrt  # noqa: F401
    except ImportError as error:
        raise EngineError(f"--engine tensorrt needs NVIDIA's tensorrt package: {CURE}") from error
    import torch

    if not torch.cuda.is_available():
        raise EngineError(f"--engine tensorrt needs a CUDA GPU and a torch built for it; none is visible here: {CURE}")


def build(graph: Path, target: Path, shape: tuple[int, ...], profile: Profile) -> Plan:
    """Writes the plan of an ONNX file with an input of `shape` for each of a batch.

    Types are those of the graph, so fp16 means the same here as there.
    """
    import tensorrt as trt
    import torch

    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    typed = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(typed)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(graph.read_bytes()):
        raise EngineError(f"TensorRT {trt.__version__} cannot read the graph: {parser.get_error(0).desc()}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    config.clear_flag(trt.BuilderFlag.TF32)  # ten bits of mantissa are not fp32
    shapes = builder.create_optimization_profile()
    name = network.get_input(0).name
    shapes.set_shape(name, *((batch, *shape) for batch in (profile.least, profile.best, profile.most)))
    config.add_optimization_profile(shapes)
    capability = ".".join(map(str, torch.cuda.get_device_capability()))
    cache = CACHE / f"timing-{trt.__version__}-{capability}.bin"
    _use_timings(config, cache)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(f"TensorRT {trt.__version__} could not build a plan for compute capability {capability}")
    _keep_timings(config, cache)
    target.write_bytes(plan)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return Plan(str(trt.__version__), capability, profile, digest, target.stat().st_size)


def compare(plan: Path, loaded: Loaded, onnx_runner: Runner, profile: Profile, precision: Precision) -> list[Row]:
    """The plan against the ONNX file it came from, at its smallest, its best and its largest batch."""
    run, samples = runner(plan, loaded.answer), loaded.samples.batch
    rows: list[Row] = []
    for batch in sorted({profile.least, profile.best, profile.most}):
        pictures = np.resize(samples, (batch, *samples.shape[1:]))
        wanted = np.concatenate([onnx_runner(pictures[i : i + 1]) for i in range(batch)])
        rows += loaded.judge(f"plan against ONNX, batch {batch}", run(pictures), wanted, precision)
    return rows


def runner(plan: Path, output: str) -> Runner:
    """One output of a plan; the others are computed too, as a server would."""
    import tensorrt as trt
    import torch

    engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(plan.read_bytes())
    context = engine.create_execution_context()
    types = {trt.DataType.UINT8: torch.uint8, trt.DataType.INT32: torch.int32, trt.DataType.FLOAT: torch.float32}
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    given = next(name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT)

    def run(batch: Pictures) -> Answer:
        context.set_input_shape(given, batch.shape)
        tensors = {given: torch.from_numpy(batch).to(types[engine.get_tensor_dtype(given)]).cuda()}
        for name in filter(lambda name: name != given, names):
            shape, dtype = tuple(context.get_tensor_shape(name)), types[engine.get_tensor_dtype(name)]
            tensors[name] = torch.empty(shape, dtype=dtype, device="cuda")
        for name, tensor in tensors.items():
            context.set_tensor_address(name, tensor.data_ptr())
        stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        if not context.execute_async_v3(stream.cuda_stream):
            raise EngineError("the plan does not run")
        stream.synchronize()
        return np.asarray(tensors[output].cpu().numpy())

    return run


def _use_timings(config: Any, cache: Path) -> None:  # noqa: ANN401 - TensorRT's classes are untyped
    known = cache.read_bytes() if cache.exists() else b""
    config.set_timing_cache(config.create_timing_cache(known), ignore_mismatch=False)


def _keep_timings(config: Any, cache: Path) -> None:  # noqa: ANN401 - see above
    cache.parent.mkdir(parents=True, exist_ok=True)
    aside = cache.with_suffix(".new")
    aside.write_bytes(config.get_timing_cache().serialize())
    aside.replace(cache)
