"""Requests into runs, and outputs back into answers."""

import numpy as np
import pytest

from twin.batch import Call, RunError, group, join, split, wanted


def call(position: int, *shape: int, outputs: tuple[str, ...] = ("y",)) -> Call:
    return Call(position, {"x": np.full(shape, position, np.float32)}, outputs)


def test_one_call_is_not_copied() -> None:
    alone = call(0, 2, 3)
    assert join([alone])["x"] is alone.feeds["x"]


def test_several_calls_are_joined_along_the_batch() -> None:
    np.testing.assert_array_equal(join([call(1, 1, 2), call(2, 2, 2)])["x"], [[1, 1], [2, 2], [2, 2]])


def test_calls_of_one_shape_run_together_whatever_their_batch() -> None:
    calls = [call(0, 1, 4), call(1, 1, 5), call(2, 3, 4)]
    assert [[one.position for one in together] for together in group(calls, batching=True)] == [[0, 2], [1]]


def test_calls_with_other_inputs_do_not_run_together() -> None:
    other = Call(1, {"x": np.zeros((1, 4)), "z": np.zeros((1, 4))}, ("y",))
    assert len(group([call(0, 1, 4), other], batching=True)) == 2


def test_without_batching_each_call_runs_alone() -> None:
    assert len(group([call(0, 4), call(1, 4)], batching=False)) == 2


def test_the_outputs_of_a_run_are_all_that_somebody_wants() -> None:
    calls = [call(0, 1, outputs=("b", "a")), call(1, 1, outputs=("a", "c"))]
    assert wanted(calls) == ["b", "a", "c"]


def test_each_call_gets_its_own_rows_of_the_outputs_it_wants_as_views() -> None:
    outputs = {"a": np.arange(3), "b": np.arange(3) * 10}
    calls = [call(0, 1, 4, outputs=("a",)), call(1, 2, 4, outputs=("b", "a"))]
    first, second = split(outputs, calls, batching=True)
    assert {name: np.asarray(values).tolist() for name, values in first.items()} == {"a": [0]}
    assert {name: np.asarray(values).tolist() for name, values in second.items()} == {"a": [1, 2], "b": [10, 20]}
    assert np.shares_memory(np.asarray(second["a"]), outputs["a"])


def test_an_output_with_another_number_of_rows_is_an_error() -> None:
    with pytest.raises(RunError, match=r"output 'y' has shape \[3\] for a batch of 2"):
        split({"y": np.zeros(3)}, [call(0, 2, 4)], batching=True)


def test_without_batching_an_output_may_have_any_shape() -> None:
    assert len(split({"y": np.zeros(3)}, [call(0, 2, 4)], batching=False)) == 1
