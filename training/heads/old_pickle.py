"""scikit-learn's pickled LogisticRegression, read without its classes.

A pickle names functions and has them called. This reader knows the few names that a logistic regression needs, gives
its own inert stand-ins for all of them and refuses every other, so that no code of the file's choice runs. It reads
plain pickles and joblib's, which put the bytes of arrays between the pickle's own, compressed or not.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler
from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap
from numpy.typing import NDArray

from training.heads.errors import HeadsError

LARGEST = 64 * 2**20


@dataclass(frozen=True)
class OldClassifier:
    """Weights FP64 [width] and bias of a classifier whose classes are False and True; `release` is scikit-learn's."""

    weight: NDArray[np.float64]
    bias: float
    release: str


class _Estimator(SimpleNamespace):
    """What a pickled LogisticRegression becomes: its attributes, none of its code."""


class _NdArray:
    """Stands for the type numpy.ndarray, which a pickle only hands on."""


class _Type:
    """Stands for a numpy.dtype: its code, such as `f8`, and the byte order that follows in its state."""

    def __init__(self, code: object = "", *_options: object) -> None:
        self._code = code if isinstance(code, str) else ""
        self._order = ""

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self._order = str(state[1]).strip("=|")

    def numbers(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self._order + self._code)
        if dtype.kind not in "biuf":
            raise HeadsError(f"an array in it is of {dtype.name}, not of numbers")
        return dtype


class _PickledArray:
    """Stands for a numpy.ndarray whose bytes are in the pickle itself."""

    def __init__(self, *_arguments: object) -> None:
        self.values: NDArray[Any] = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, kind, is_fortran, data = state
        self.values = _array(data, kind, shape, "F" if is_fortran else "C")


class _JoblibArray(NumpyArrayWrapper):  # type: ignore[misc]
    """joblib's note that an array's bytes follow, for numbers only."""

    dtype: object

    def read(self, unpickler: NumpyUnpickler, ensure_native_byte_order: object) -> NDArray[Any]:
        self.dtype = _numbers(self.dtype)
        _check_size(self.shape, self.dtype)
        found: NDArray[Any] = self.read_array(unpickler, ensure_native_byte_order)
        return found


class _Reader(NumpyUnpickler):  # type: ignore[misc]
    def find_class(self, module: str, name: str) -> object:
        stand_in = _STAND_INS.get(f"{module}.{name}")
        if stand_in is None:
            raise HeadsError(f"it holds a {module}.{name}; only scikit-learn's LogisticRegression and arrays are read")
        return stand_in

    def persistent_load(self, _: object) -> NoReturn:
        raise HeadsError("it refers to objects outside the file")


def read_old(path: Path) -> OldClassifier:
    """Read a binary classifier.

    Raises:
        HeadsError: the file is unreadable, names anything but a LogisticRegression, or that is no binary one.
    """
    try:
        return _classifier(_Reader("", io.BytesIO(_content(path)), ensure_native_byte_order=True).load())
    except HeadsError as error:
        raise HeadsError(f"{path}: {error}") from error
    except OSError as error:
        raise HeadsError(f"{path}: {error.strerror or error}") from error
    except Exception as error:  # there is no end to what a damaged pickle raises
        raise HeadsError(f"{path}: no readable pickle: {type(error).__name__}: {error}") from error


def _content(path: Path) -> bytes:
    with path.open("rb") as file, _validate_fileobject_and_memmap(file, str(path)) as (plain, _):
        if isinstance(plain, str):
            raise HeadsError("it is of a joblib before 0.10: load and save it with a newer one first")
        data: bytes = plain.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise HeadsError(f"larger than {LARGEST} bytes, which no classifier is")
    return data


def _numbers(kind: object) -> np.dtype[Any]:
    if not isinstance(kind, _Type):
        raise HeadsError("an array in it has no data type")
    return kind.numbers()


def _check_size(shape: object, dtype: np.dtype[Any]) -> None:
    if not isinstance(shape, tuple) or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise HeadsError("an array in it has no shape")
    if math.prod(shape) * dtype.itemsize > LARGEST:
        raise HeadsError("an array in it is larger than any classifier's")


def _array(data: Any, kind: object, shape: tuple[int, ...], order: Any) -> NDArray[Any]:  # noqa: ANN401 - from a file
    dtype = _numbers(kind)
    _check_size(shape, dtype)
    return np.frombuffer(data, dtype, count=math.prod(shape)).reshape(shape, order="F" if order == "F" else "C")


def _scalar(kind: object, data: Any) -> object:  # noqa: ANN401 - from a file
    return np.frombuffer(data, _numbers(kind), count=1)[0]


def _latin_1(text: object, encoding: object) -> bytes:
    """Protocols before 3 write bytes as text, and this is what turns it back."""
    if not isinstance(text, str) or encoding != "latin1":
        raise HeadsError(f"it encodes text as {encoding}")
    return text.encode("latin1")


def _reconstructed(kind: object, *_base: object) -> object:
    if kind is not _Estimator and kind is not _JoblibArray:
        raise HeadsError("it makes an object in a way that no classifier needs")
    return kind.__new__(kind)


_STAND_INS: dict[str, object] = {
    "sklearn.linear_model._logistic.LogisticRegression": _Estimator,
    "sklearn.linear_model.logistic.LogisticRegression": _Estimator,
    "joblib.numpy_pickle.NumpyArrayWrapper": _JoblibArray,
    "numpy.ndarray": _NdArray,
    "numpy.dtype": _Type,
    "numpy.core.multiarray._reconstruct": _PickledArray,
    "numpy._core.multiarray._reconstruct": _PickledArray,
    "numpy.core.numeric._frombuffer": _array,
    "numpy._core.numeric._frombuffer": _array,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "_codecs.encode": _latin_1,
    "copyreg._reconstructor": _reconstructed,
    "copy_reg._reconstructor": _reconstructed,
    "builtins.object": object,
    "__builtin__.object": object,
}


def _classifier(found: object) -> OldClassifier:
    if not isinstance(found, _Estimator):
        raise HeadsError("there is no LogisticRegression in it")
    classes, weight, bias = (_values(found, name) for name in ("classes_", "coef_", "intercept_"))
    if getattr(found, "multi_class", "auto") == "multinomial":
        raise HeadsError("its LogisticRegression is multinomial, whose probabilities are not the sigmoid's")
    if classes.tolist() != [False, True]:
        raise HeadsError(f"its classes are {classes.tolist()}, not [False, True]")
    if weight.ndim != 2 or len(weight) != 1 or bias.size != 1:  # noqa: PLR2004 - rows and columns
        raise HeadsError(f"coef_ is {list(weight.shape)} and intercept_ {list(bias.shape)}, not [1, width] and [1]")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise HeadsError("coef_ or intercept_ hold numbers that are not finite")
    release = str(getattr(found, "_sklearn_version", "unknown"))
    return OldClassifier(weight[0].astype(np.float64), float(bias.reshape(-1)[0]), release)


def _values(found: _Estimator, name: str) -> NDArray[Any]:
    value = getattr(found, name, None)
    value = value.values if isinstance(value, _PickledArray) else value
    # Without an intercept scikit-learn keeps a plain zero or an array of one.
    if isinstance(value, int | float):
        value = np.array([value])
    if not isinstance(value, np.ndarray):
        raise HeadsError(f"its LogisticRegression has no {name}: it was never fitted")
    return value
