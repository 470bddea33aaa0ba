"""Pieces of `config.pbtxt` for the test networks."""

ONE = "instance_group [ { kind: KIND_CPU count: 1 } ]"
PERCEPTRON = (
    f"{ONE} max_batch_size: 8 "
    'input [ { name: "x" data_type: TYPE_FP32 dims: [ 16 ] } ] '
    'output [ { name: "y" data_type: TYPE_FP32 dims: [ 8 ] } ]'
)
ADD = (
    f"{ONE} max_batch_size: 4 "
    'input [ { name: "a" data_type: TYPE_FP32 dims: [ 4 ] }, { name: "b" data_type: TYPE_FP32 dims: [ 4 ] } ] '
    'output [ { name: "c" data_type: TYPE_FP32 dims: [ 4 ] } ]'
)
# Long enough for requests sent together to meet in one batch on a slow machine; a full batch does not wait.
GATHERING = "dynamic_batching { preferred_batch_size: [ 4 ] max_queue_delay_microseconds: 20000000 }"


def parameters(values: dict[str, str]) -> str:
    return " ".join(f'parameters {{ key: "{key}" value {{ string_value: "{text}" }} }}' for key, text in values.items())


def graph_level(level: int) -> str:
    return f"optimization {{ graph {{ level: {level} }} }}"
