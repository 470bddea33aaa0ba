"""The configuration against the network: completing it and checking it."""

from typing import Any

import pytest

from twin.contract import Completion, Signature, check, complete, needs_completion
from twin.parameters import ConfigError
from twin.tensors import TensorSpec

SIGNATURE = Signature(
    inputs=(TensorSpec("pixels", "TYPE_UINT8", (-1, 8, 8, 3)), TensorSpec("size", "TYPE_INT64", (-1, -1))),
    overridable=(TensorSpec("factor", "TYPE_FP32", (1,)),),
    outputs=(TensorSpec("alpha", "TYPE_UINT8", (-1, 8, 8)), TensorSpec("score", "TYPE_FP32", (-1,))),
)
FIXED = Signature((TensorSpec("x", "TYPE_FP32", (2, 3)),), (), (TensorSpec("y", "TYPE_FP32", ()),))


def tensor(name: str, data_type: str, *dims: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"name": name, "data_type": data_type, "dims": list(dims), **more}


def config(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "max_batch_size": 4,
        "input": [tensor("pixels", "TYPE_UINT8", 8, 8, 3), tensor("size", "TYPE_INT64", 2)],
        "output": [tensor("alpha", "TYPE_UINT8", 8, 8), tensor("score", "TYPE_FP32", 1, reshape={"shape": []})],
        **changes,
    }


def test_a_configuration_that_agrees_passes() -> None:
    check(config(), SIGNATURE)
    check(config(output=config()["output"][:1]), SIGNATURE)
    scalar = {"input": [tensor("x", "TYPE_FP32", 2, 3)], "output": [tensor("y", "TYPE_FP32", 1)]}
    check({"max_batch_size": 0, **scalar}, FIXED)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"input": [tensor("pixels", "TYPE_UINT8", 8, 8, 3)]},
            r"configuration expects 1 inputs \(pixels\), the network has 2 \(pixels, size\)",
        ),
        (
            {"input": [tensor("picture", "TYPE_UINT8", 8, 8, 3), tensor("size", "TYPE_INT64", 2)]},
            "unexpected inference input 'picture', allowed inputs are: pixels, size, factor",
        ),
        (
            {"output": [tensor("mask", "TYPE_UINT8", 8, 8)]},
            "unexpected inference output 'mask', allowed outputs are: alpha, score",
        ),
        (
            {"output": [tensor("alpha", "TYPE_FP32", 8, 8)]},
            "configuration expects datatype TYPE_FP32 for output 'alpha', network has TYPE_UINT8",
        ),
        (
            {"input": [tensor("pixels", "TYPE_UINT8", 16, 8, 3), tensor("size", "TYPE_INT64", 2)]},
            r"tensor 'pixels': network has shape \[-1, 8, 8, 3\], configuration has \[-1, 16, 8, 3\] \(with the batch",
        ),
        (
            {"input": [tensor("pixels", "TYPE_UINT8", -1, 8, 3), tensor("size", "TYPE_INT64", 2)]},
            r"configuration has \[-1, -1, 8, 3\]",
        ),
        ({"output": [tensor("alpha", "TYPE_UINT8", 8, 8, 1)]}, r"configuration has \[-1, 8, 8, 1\]"),
        (
            {"input": [*config()["input"], tensor("factor", "TYPE_FP32", 1, optional=True)]},
            "optional input 'factor' is not supported for models that support batching",
        ),
        (
            {"input": [config()["input"][0], tensor("size", "TYPE_INT64", 2, allow_ragged_batch=True)]},
            "allow_ragged_batch of input 'size' needs batch_input",
        ),
    ],
)
def test_a_disagreement_is_said_with_what_is_allowed(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        check(config(**changes), SIGNATURE)


def test_a_symbolic_dimension_takes_any_number_in_an_input_but_only_itself_in_an_output() -> None:
    symbolic = Signature((TensorSpec("x", "TYPE_FP32", (-1, -1)),), (), (TensorSpec("y", "TYPE_FP32", (-1, -1)),))
    numbers = {"max_batch_size": 0, "input": [tensor("x", "TYPE_FP32", 5, -1)]}
    check({**numbers, "output": [tensor("y", "TYPE_FP32", -1, -1)]}, symbolic)
    with pytest.raises(ConfigError, match=r"tensor 'y': network has shape \[-1, -1\], configuration has \[5, -1\]"):
        check({**numbers, "output": [tensor("y", "TYPE_FP32", 5, -1)]}, symbolic)


def test_a_fixed_first_dimension_takes_no_batches() -> None:
    given = {
        "max_batch_size": 2,
        "input": [tensor("x", "TYPE_FP32", 3)],
        "output": [tensor("y", "TYPE_FP32", 1)],
    }
    with pytest.raises(ConfigError, match=r"the first dimension .* must be symbolic, but its shape is \[2, 3\]"):
        check(given, FIXED)


def test_a_scalar_has_dims_of_one() -> None:
    given = {"max_batch_size": 0, "input": [tensor("x", "TYPE_FP32", 2, 3)], "output": [tensor("y", "TYPE_FP32", 2)]}
    with pytest.raises(ConfigError, match=r"scalar tensor 'y' can only have dims of 1, configuration has \[2\]"):
        check(given, FIXED)


def test_all_disagreements_come_in_one_message() -> None:
    changes = {"input": [tensor("pixels", "TYPE_FP32", 9, 8, 3), tensor("size", "TYPE_INT64", 2)], "output": []}
    with pytest.raises(ConfigError, match=r"TYPE_FP32 for input 'pixels'.*; tensor 'pixels': network has shape"):
        check(config(**changes), SIGNATURE)


def test_an_overridable_initialiser_may_be_an_optional_input_without_batches() -> None:
    signature = Signature(FIXED.inputs, SIGNATURE.overridable, FIXED.outputs)
    given = {
        "max_batch_size": 0,
        "input": [tensor("x", "TYPE_FP32", 2, 3), tensor("factor", "TYPE_FP32", 1, optional=True)],
        "output": [tensor("y", "TYPE_FP32", 1)],
    }
    check(given, signature)


def test_only_a_configuration_without_inputs_or_outputs_is_completed() -> None:
    assert not needs_completion(config())
    assert needs_completion(config(input=[]))
    assert needs_completion(config(output=[]))


def test_a_batchable_network_gets_the_default_batch_and_its_tensors() -> None:
    assert complete({"max_batch_size": 0, "input": [], "output": []}, SIGNATURE, 4) == Completion(
        max_batch_size=4,
        dynamic_batching=True,
        inputs=[tensor("pixels", "TYPE_UINT8", 8, 8, 3), tensor("size", "TYPE_INT64", -1)],
        outputs=[tensor("alpha", "TYPE_UINT8", 8, 8), tensor("score", "TYPE_FP32", 1, reshape={"shape": []})],
    )


def test_what_is_written_is_not_replaced() -> None:
    completion = complete(config(max_batch_size=2, output=[]), SIGNATURE, 4)
    assert (completion.max_batch_size, completion.inputs, len(completion.outputs)) == (2, [], 2)
    assert not complete(config(max_batch_size=1, output=[]), SIGNATURE, 4).dynamic_batching
    assert complete({"max_batch_size": 0}, SIGNATURE, 0).max_batch_size == 0


def test_a_network_that_cannot_batch_is_completed_without_and_refused_with_a_batch_size() -> None:
    completion = complete({"max_batch_size": 0}, FIXED, 4)
    assert completion == Completion(
        max_batch_size=0,
        dynamic_batching=False,
        inputs=[tensor("x", "TYPE_FP32", 2, 3)],
        outputs=[tensor("y", "TYPE_FP32", 1)],
    )
    with pytest.raises(ConfigError, match=r"non-zero max_batch_size 3 is specified; .* x \[2, 3\], y \[\]"):
        complete({"max_batch_size": 3}, FIXED, 4)
