"""Which file of a model's version folder an instance loads."""

import ctypes
from pathlib import Path

from twin.parameters import Config, ConfigError

_DEFAULT = "model.onnx"
# CUDA driver API: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76


def artefact_name(config: Config, capability: str | None) -> str:
    """The file name for a GPU of compute `capability` such as "9.0"; None on a CPU.

    `cc_model_filenames` comes before `default_model_filename`, which comes before `model.onnx`.
    """
    by_capability = config.get("cc_model_filenames") or {}
    default = config.get("default_model_filename") or _DEFAULT
    return str(by_capability.get(capability, default))


def find_artefact(version_folder: Path, name: str) -> Path:
    """The ONNX file: `<version>/<name>`, or `<version>/<name>/model.onnx` where that is a folder.

    A folder holds a model with external data. Raises ConfigError where there is no such file.
    """
    path = version_folder / name
    if path.is_dir():
        path /= _DEFAULT
    if not path.is_file():
        shown = path.relative_to(version_folder.parent)
        raise ConfigError(f"unable to find '{shown}': the model has no artefact of that name")
    return path


def compute_capability(device_id: int) -> str:
    """The compute capability of GPU `device_id`, such as "9.0"; raises OSError without an NVIDIA driver."""
    driver = ctypes.CDLL("libcuda.so.1")
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    results = (
        driver.cuInit(0),
        driver.cuDeviceGet(ctypes.byref(device), device_id),
        driver.cuDeviceGetAttribute(ctypes.byref(major), _CAPABILITY_MAJOR, device),
        driver.cuDeviceGetAttribute(ctypes.byref(minor), _CAPABILITY_MINOR, device),
    )
    if any(results):
        raise OSError(f"the CUDA driver cannot tell the compute capability of GPU {device_id}: codes {results}")
    return f"{major.value}.{minor.value}"
