"""The Python-based twin of NVIDIA's onnxruntime backend, for a Triton server without the C++ one.

A `config.pbtxt` with `backend: "onnxruntime"` runs unchanged on either. The work is in `twin/` beside this file; here
it meets Triton. Requests, tensors and errors are those of Triton's Python backend.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import triton_python_backend_utils as pb_utils

from twin.accelerators import read_providers
from twin.artefact import artefact_name, compute_capability, find_artefact
from twin.batch import Call, RunError, group, join, split, wanted
from twin.contract import check, complete, configured_dims, needs_completion
from twin.machine import usable_cores
from twin.options import Defaults, read_options
from twin.parameters import Config, ConfigError
from twin.tensors import Array, DeviceValue, Values, decode_strings, on_host

if TYPE_CHECKING:
    from twin.session import Session


class TritonPythonModel:
    """One instance of a model: a process of its own, with a session of its own."""

    @staticmethod
    def auto_complete_config(auto_complete_model_config: Any) -> Any:
        """Derives what the configuration leaves out from the network; see `twin.contract.complete`."""
        config = auto_complete_model_config.as_dict()
        if not needs_completion(config):
            return auto_complete_model_config
        try:
            _complete(auto_complete_model_config, config, Path(pb_utils.get_model_dir()))
        except ConfigError as error:
            raise pb_utils.TritonModelException(f"model '{config['name']}': {error}") from error
        return auto_complete_model_config

    def initialize(self, args: Mapping[str, str]) -> None:
        self._config: Config = json.loads(args["model_config"])
        self._name: str = self._config["name"]
        try:
            self._session = _load(args, self._config)
            check(self._config, self._session.signature)
        except ConfigError as error:
            raise pb_utils.TritonModelException(f"unable to load model '{self._name}': {error}") from error
        self._max_batch_size = int(self._config.get("max_batch_size", 0))
        signature = self._session.signature
        self._input_ranks = {spec.name: len(spec.dims) for spec in signature.inputs + signature.overridable}
        self._required = {entry["name"] for entry in self._config["input"] if not entry.get("optional")}
        scalars = {spec.name for spec in signature.outputs if not spec.dims}
        self._scalar_dims = {
            entry["name"]: configured_dims(entry) for entry in self._config["output"] if entry["name"] in scalars
        }

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answers every request, with an error of its own where it has one."""
        answers: list[Any] = [None] * len(requests)
        calls = []
        for position, request in enumerate(requests):
            outcome = self._read(position, request)
            if isinstance(outcome, Call):
                calls.append(outcome)
            else:
                answers[position] = _failure(outcome)
        for call, answer in self._run_all(calls):
            answers[call.position] = answer
        return answers

    def finalize(self) -> None:
        del self._session

    def _read(self, position: int, request: Any) -> Any:
        if request.is_cancelled():
            return pb_utils.TritonError("the request was cancelled", pb_utils.TritonError.CANCELLED)
        try:
            feeds = {tensor.name(): self._values(tensor) for tensor in request.inputs()}
        except UnicodeDecodeError as error:
            return _invalid(f"a string input of model '{self._name}' is not UTF-8: {error}")
        except MemoryError as error:
            return self._failed(error)
        if missing := self._required - feeds.keys():
            return _invalid(f"model '{self._name}' got no input {', '.join(sorted(missing))}")
        return Call(position, feeds, tuple(request.requested_output_names()))

    def _values(self, tensor: Any) -> Values:
        if not tensor.is_cpu():
            value = self._session.adopt(tensor.to_dlpack())
            return value if self._input_ranks[tensor.name()] else value.host().reshape(())
        values: Array = tensor.as_numpy()
        if values.dtype.hasobject:
            values = decode_strings(values)
        return values if self._input_ranks[tensor.name()] else values.reshape(())

    def _run_all(self, calls: Sequence[Call]) -> list[tuple[Call, Any]]:
        batching = self._max_batch_size > 0
        total = sum(call.rows for call in calls)
        if batching and total > self._max_batch_size:
            text = f"batch size {total} for '{self._name}', max allowed is {self._max_batch_size}"
            return [(call, _failure(pb_utils.TritonError(text))) for call in calls]
        return [pair for together in group(calls, batching=batching) for pair in self._run(together)]

    def _run(self, calls: Sequence[Call]) -> list[tuple[Call, Any]]:
        """One run for all `calls`. Where it fails, each runs alone, so that only the culprits get the error."""
        try:
            outputs = self._session.run(join(calls), wanted(calls))
            parts = split(outputs, calls, batching=self._max_batch_size > 0)
            return [(call, self._response(part)) for call, part in zip(calls, parts, strict=True)]
        except (RunError, MemoryError) as error:  # where there is no memory for the batch, there may be for each alone
            if len(calls) > 1:
                return [pair for call in calls for pair in self._run([call])]
            return [(calls[0], _failure(self._failed(error)))]

    def _failed(self, error: Exception) -> Any:
        return pb_utils.TritonError(f"model '{self._name}': {str(error) or 'out of memory'}")

    def _response(self, outputs: Mapping[str, Values]) -> Any:
        return pb_utils.InferenceResponse([self._tensor(name, values) for name, values in outputs.items()])

    def _tensor(self, name: str, values: Values) -> Any:
        if isinstance(values, DeviceValue):
            return pb_utils.Tensor.from_dlpack(name, values.ort_value.__dlpack__())
        array = on_host(values)
        return pb_utils.Tensor(name, array.reshape(self._scalar_dims[name]) if name in self._scalar_dims else array)


def _load(args: Mapping[str, str], config: Config) -> "Session":
    from twin.session import Session

    on_gpu = args["model_instance_kind"] == "GPU"
    device_id = int(args["model_instance_device_id"])
    options = read_options(config, Defaults.read(os.environ), on_gpu=on_gpu, cores=usable_cores())
    providers = read_providers(config, on_gpu=on_gpu, device_id=device_id)
    by_capability = on_gpu and bool(config.get("cc_model_filenames"))
    name = artefact_name(config, compute_capability(device_id) if by_capability else None)
    path = find_artefact(Path(args["model_repository"]) / args["model_version"], name)
    session = Session(path, options, providers, device_id)
    for warning in providers.available(session.providers).warnings:
        pb_utils.Logger.log_warn(f"model '{config['name']}': {warning}")
    return session


def _complete(completed: Any, config: Config, version_folder: Path) -> None:
    from twin.session import inspect

    libraries = config.get("model_operations", {}).get("op_library_filename", ())
    signature = inspect(find_artefact(version_folder, artefact_name(config, None)), libraries)
    completion = complete(config, signature, Defaults.read(os.environ).max_batch_size)
    completed.set_max_batch_size(completion.max_batch_size)
    if completion.dynamic_batching and not config.get("sequence_batching"):
        completed.set_dynamic_batching()
    # Triton's add_input and add_output take no `reshape`, which a batched scalar needs.
    for key, entries in (("input", completion.inputs), ("output", completion.outputs)):
        if entries:
            completed.as_dict()[key] = entries


def _invalid(text: str) -> Any:
    return pb_utils.TritonError(text, pb_utils.TritonError.INVALID_ARG)


def _failure(error: Any) -> Any:
    return pb_utils.InferenceResponse([], error)
