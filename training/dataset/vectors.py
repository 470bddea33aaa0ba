"""Vectors of pictures in a Parquet file (image, embedding), from an exported embedder or from elsewhere."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imaging.frame import Frame, square
from training.dataset.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]
COLUMN = "embedding"
BATCH = 16
PIECE = 4096
EXACT = 20_000
"""Vectors up to which all are compared with all; beyond it, with those of the nearest lists of an inverted file."""
SAMPLED = 100_000
PROBES = 16


class Embedder:
    """An exported embedder: `pixels` UINT8 [n, side, side, 3] -> FP32 [n, width].

    Raises DatasetError for another file.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        try:
            self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no base class but this
            raise DatasetError(f"{path}: not a readable ONNX file ({str(error).splitlines()[0]})") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = inputs[0].shape
        if len(inputs) != 1 or inputs[0].type != "tensor(uint8)" or len(shape) != 4 or shape[3] != 3:  # noqa: PLR2004
            raise DatasetError(f"{path}: no embedder: one input UINT8 [n, side, side, 3] is needed, as exported")
        if not isinstance(shape[1], int) or shape[1] != shape[2]:
            raise DatasetError(f"{path}: no embedder: its input is {shape}, a square is needed")
        names = [output.name for output in outputs]
        self._input, self._output = inputs[0].name, COLUMN if COLUMN in names else names[0]
        self._frame = Frame(shape[1], shape[1])

    @property
    def smallest(self) -> int:
        """The least side in pixels that a reduced decoding must keep."""
        return self._frame.smallest

    def square(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """UINT8 RGB [h, w, 3] as the embedder looks at it."""
        return square(pixels, self._frame)

    def embed(self, squares: Sequence[NDArray[np.uint8]]) -> Vectors:
        """FP32 [n, width] of n squares."""
        pieces = [squares[start : start + BATCH] for start in range(0, len(squares), BATCH)]
        found = [self._session.run([self._output], {self._input: np.stack(piece)})[0] for piece in pieces]
        vectors: Vectors = np.concatenate(found).astype(np.float32)
        return vectors


def table(images: Sequence[str], vectors: Vectors) -> "pa.Table":
    """Rows for `Parquet` files that the rest of this module reads."""
    import pyarrow as pa

    values = pa.array(vectors.reshape(-1), pa.float32())
    return pa.table({"image": list(images), COLUMN: pa.FixedSizeListArray.from_arrays(values, vectors.shape[1])})


def check(path: Path) -> None:
    """Raises DatasetError unless the file is Parquet with the columns image and embedding."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from error
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not {"image", COLUMN} <= set(schema.names) or not any(kind(schema.field(COLUMN).type) for kind in kinds):
        raise DatasetError(f"{path}: columns image and {COLUMN} (a list of numbers) are needed, it has {schema.names}")


def count(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def pieces(path: Path) -> Iterator[Vectors]:
    """The vectors at length 1, some thousand at a time; one that is missing, of length 0 or not finite is all 0.
    Raises DatasetError for vectors of different widths.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        width = 0
        for batch in file.iter_batches(PIECE, columns=[COLUMN]):
            rows = batch.column(0)
            widths = set(rows.drop_null().value_lengths().to_pylist()) - {None}
            width = width or next(iter(widths), 0)
            if widths - {width}:
                raise DatasetError(f"{path}: vectors of different widths: {width} and {min(widths - {width})}")
            yield _normalised(rows, width)


def _normalised(rows: "pa.Array", width: int) -> Vectors:
    found = np.zeros((len(rows), width), np.float32)
    valid = rows.is_valid().to_numpy(zero_copy_only=False)
    found[valid] = rows.drop_null().flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    found[~np.isfinite(found).all(axis=1)] = 0
    lengths: Vectors = np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.float32(1e-12))
    return found / lengths


def alike_pairs(path: Path, cosine: float) -> Iterator[tuple[Places, Places]]:
    """Pairs of rows whose vectors have at least this cosine; from 20,000 vectors on a few of them may be missed."""
    index = _index(path, count(path))
    if index is None:
        return
    start = 0
    for piece in pieces(path):
        limits, _, found = index.range_search(piece, cosine)
        own = np.repeat(np.arange(len(piece)), np.diff(limits.astype(np.int64))) + start
        yield own[own != found], found[own != found]
        start += len(piece)


def _index(path: Path, number: int) -> Any:  # noqa: ANN401 - what of faiss has types is its outside
    import faiss

    width = next((piece.shape[1] for piece in pieces(path)), 0)
    if not width:
        return None
    if number <= EXACT:
        index: Any = faiss.IndexFlatIP(width)
    else:
        lists = int(4 * np.sqrt(number))
        index = faiss.index_factory(width, f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
        index.train(_sample(path, number))
        index.nprobe = PROBES
    for piece in pieces(path):
        index.add(piece)
    return index


def _sample(path: Path, number: int) -> Vectors:
    step = max(1, number // SAMPLED)
    return np.concatenate([piece[::step] for piece in pieces(path)])
