"""Keeps the chatter of libraries out of a command's output: what matters is raised or printed by us."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Message prefixes that say nothing to the person who exports.
_HARMLESS = (
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # torch calling torch
    r"Detected pickle protocol",  # an unusual pickle loads or is refused; that is said
    r"While compiling, we found certain side effects",  # transformers' capturing of outputs, off while we trace
    r"Please consider to run pre-processing",  # quantisation: the graph comes preprocessed from the exporter
)
# The exporter mentions every optional torchvision operator; the quantiser advises what we have done already.
_LOGGERS = (
    *("torch.onnx._internal.exporter._registration", "torch.fx.experimental.symbolic_shapes"),
    *("root", "onnxruntime", "onnxscript", "httpx2"),
)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """No progress bars, no advice, no deprecation notes from torch, transformers and friends."""
    from transformers.utils import logging as transformers_logging

    before = {name: logging.getLogger(name).level for name in _LOGGERS}
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for message in _HARMLESS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
