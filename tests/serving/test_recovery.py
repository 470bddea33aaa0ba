"""When a server is restarted, after which wait, and how the death of a stub is told from a reload."""

import pytest

from serving.backoff import Backoff
from serving.canary import CanaryResult
from serving.health import Health
from serving.stub_watch import lacking


def good(name: str) -> CanaryResult:
    return CanaryResult(name, ok=True, reason="", seconds=0.1)


def bad(name: str, code: str) -> CanaryResult:
    return CanaryResult(name, ok=False, reason="it broke", seconds=0.1, code=code)


def test_the_wait_doubles_up_to_the_longest() -> None:
    backoff = Backoff(0.1, 1.0, 60)
    assert [backoff.after(1) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_healthy_while_starts_the_waits_anew() -> None:
    backoff = Backoff(0.1, 1.0, 60)
    assert [backoff.after(lived) for lived in (1, 1, 59, 60, 1)] == [0.1, 0.2, 0.4, 0.1, 0.2]


def test_a_shortest_wait_beyond_the_longest_wins() -> None:
    assert [Backoff(5, 1, 60).after(0) for _ in range(2)] == [5, 5]


def test_a_pipeline_that_once_worked_and_breaks_is_a_reason() -> None:
    health = Health()
    assert health.note([good("cut"), good("alpha")]) == ""
    assert health.note([good("cut"), bad("alpha", "INTERNAL")]) == "alpha: it broke"


def test_a_pipeline_that_never_worked_is_no_reason() -> None:
    health = Health()
    assert [health.note([good("cut"), bad("alpha", "INTERNAL")]) for _ in range(5)] == [""] * 5


@pytest.mark.parametrize("code", ["DEADLINE_EXCEEDED", "UNAVAILABLE"])
def test_what_a_busy_server_also_says_counts_only_twice_in_a_row(code: str) -> None:
    health = Health()
    rounds = [good("cut"), bad("cut", code), good("cut"), bad("cut", code), bad("cut", code)]
    assert [health.note([one]) for one in rounds] == ["", "", "", "", "cut: it broke"]


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "NOT_FOUND"])
def test_a_refused_canary_and_a_model_unloaded_by_hand_never_count(code: str) -> None:
    health = Health()
    health.note([good("cut")])
    assert [health.note([bad("cut", code)]) for _ in range(5)] == [""] * 5


def test_a_dead_stub_is_missed_by_its_instance() -> None:
    assert lacking({1: "echo_0_0", 2: "echo_0_1"}, {2: "echo_0_1"}) == ["echo_0_0"]


def test_a_reloaded_model_misses_nobody() -> None:
    assert lacking({1: "echo_0_0", 2: "echo_0_1"}, {3: "echo_0_0", 4: "echo_0_1"}) == []
