"""What the report of shelf videos says of figures that were measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf import __main__ as command
from perf.analyzer import Measurement
from perf.shelf import figures, gpu, live, run, stages, stream
from perf.shelf.live import Camera, Figures
from perf.shelf.memory import Memory
from perf.steps import RIVAL, SUM, Row


def load(clients: int, fps: float) -> Figures:
    return Figures(clients, fps, fps - 1, 0.25, 40, 90)


def measured(per_second: float) -> Measurement:
    return Measurement(per_second, 1, 2, 3)


@pytest.mark.parametrize(
    ("fps", "said"), [(8.6, "0.86 of the bare network's frames; the goal, 0.85, is reached"), (8, "missed")]
)
def test_streams_are_ratios_to_the_bare_network_and_the_goal_is_judged(fps: float, said: str) -> None:
    rows = {run.BARE: measured(10), run.STEADIED: measured(fps)}
    text = figures.streams(rows, run.BARE, run.STEADIED)
    assert "| what | streams | frames/s | ratio |" in text
    assert f"| {run.STEADIED[0]} | 1 | {fps:.2f} | {fps / 10:.2f} |" in text
    assert said in text


def test_files_are_medians_and_their_ratio() -> None:
    text = figures.files({"640x480": figures.File([10, 8, 30], [6, 7, 5])})
    assert "| 640x480 | 10.00 | 6.00 | 0.60 |" in text


def test_the_sum_is_that_of_a_files_stages() -> None:
    rows = [
        Row("decode", 0.01, SUM, "x"),
        Row("encode", 0.02, SUM, ""),
        Row("JPEG", 0.5, stages.LIVE, ""),
        Row("o", 1, RIVAL, ""),
    ]
    text = figures.costs({"a": rows, "b": [Row(row.name, row.seconds * 2, row.kind, row.bound) for row in rows]})
    assert "| stage | a ms | b ms | how |\n|---|---:|---:|---|\n| decode | 10.0 | 20.0 | x |" in text
    assert "| **sum of a file's frame** | 30.0 | 60.0 |" in text
    assert "| live: JPEG | 500.0 | 1000.0 |" in text


def test_what_a_core_carries_is_read_between_the_loads() -> None:
    found = [load(1, 20), load(2, 10), load(4, 4)]
    assert live.carried(found, 15) == pytest.approx(1.5)
    assert live.carried(found, 10) == 2
    assert live.carried(found, 40) == pytest.approx(0.5)
    assert live.carried(found, 4) == 4
    text = figures.cameras(found, 2)
    assert "0.75 at >= 15 answered fps, 1.00 at >= 10 answered fps, 1.83 at >= 5 answered fps" in text
    assert "| 4 | 4.0 | 3.0 | 16.0 | 25% | 40 | 90 |" in text


def test_a_load_that_is_never_reached_is_at_least_the_largest() -> None:
    assert "at least 0.50 at >= 15 answered fps" in figures.cameras([load(1, 30)], 2)


@given(
    st.lists(st.floats(0.1, 30), min_size=1, max_size=4).map(lambda fps: sorted(fps, reverse=True)),
    st.floats(1, 30),
    st.floats(0, 5),
)
def test_more_frames_for_each_are_carried_for_no_more_streams(fps: list[float], least: float, more: float) -> None:
    found = [load(2**number, one) for number, one in enumerate(fps)]
    assert live.carried(found, least + more) <= live.carried(found, least) + 1e-9
    assert 0 < live.carried(found, least) <= 2 ** (len(fps) - 1)


def test_a_camera_counts_what_was_answered_of_what_it_sent_after_the_start() -> None:
    camera = Camera("", [b""], 10, 4)
    camera.sent = [number / 10 for number in range(40)]
    camera.answered = {number: number / 10 + 0.05 for number in range(0, 40, 2)}
    rate, sent, answered, latencies = camera.figures()
    assert rate == pytest.approx(5)
    assert (sent, answered) == (30, 15)
    assert latencies == pytest.approx([50] * 15)
    both = live.summary([camera, camera])
    assert (both.clients, both.per_stream, both.dropped) == (2, rate, 0.5)
    assert both.p95_ms == pytest.approx(50)


def test_a_camera_without_an_answer_is_an_error() -> None:
    camera = Camera("", [b""], 10, 1)
    camera.sent = [0.0, 0.5]
    with pytest.raises(live.LiveError, match="no answer"):
        camera.figures()


def test_rounds_are_medians_by_figure() -> None:
    found = live.middle([load(2, 9), load(2, 12), load(2, 10)])
    assert (found.clients, found.per_stream, found.worst) == (2, 10, 9)


def test_memory_is_told_moment_by_moment() -> None:
    text = figures.memory({"before": Memory(100, 900), "after the first round": Memory(112, 890)})
    assert "| before | 100 | 900 |\n| after the first round | 112 | 890 |" in text


def test_a_streams_rate_counts_all_videos() -> None:
    found = stream.summary([0.1] * 20, 4)
    assert found.per_second == 5
    assert found.p50_ms == pytest.approx(100)


def test_a_network_that_is_not_exported_is_named_with_its_command() -> None:
    text = gpu.table([gpu.Row("shelf_segmenter", 512, 200, 5, 6.5, 700), "shelf_segmenter_yolov8n"])
    assert "| shelf_segmenter | 512 | 200.0 | 5.0 | 6.5 | 700 |" in text
    assert "python -m export shelf_segmenter_yolov8n" in text


def test_without_a_gpu_the_command_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["perf", "shelf", "--gpu", "--out", str(tmp_path / "out.md")])
    assert command.main() == 2
    assert "nvidia-smi is not on PATH" in capsys.readouterr().err
    assert not (tmp_path / "out.md").exists()


def test_without_a_network_the_command_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["perf", "shelf", "--models", str(tmp_path), "--out", str(tmp_path / "out.md")])
    assert command.main() == 2
    assert "python -m export shelf_segmenter" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--frames", "0"], ["--clients", "-1"], ["--rounds", "x"]])
def test_wrong_numbers_are_refused(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["perf", "shelf", *wrong])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert wrong[0] in capsys.readouterr().err
