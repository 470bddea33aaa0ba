"""NVIDIA's own perf_analyzer drives a pipeline and a network of the real server."""

from pathlib import Path

import pytest

from perf import analyzer, corpus, loop
from serving.session import Session
from tests.e2e.conftest import CONTROL_KEY

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def tool() -> analyzer.Analyzer:
    return analyzer.ready(ROOT / ".perf", ROOT / ".triton")


def test_perf_analyzer_measures_a_pipeline_on_real_photos(
    triton: Session, tool: analyzer.Analyzer, tmp_path: Path
) -> None:
    corpus.write_photo_requests(tmp_path / "photos.json")
    load = analyzer.Load("alpha_step", triton.grpc_url, tmp_path / "photos.json", concurrency=2, requests=6)
    found = tool.measure(load)
    assert found.per_second > 0
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms


def test_perf_analyzer_measures_a_network_through_shared_memory(
    triton: Session, tool: analyzer.Analyzer, tmp_path: Path
) -> None:
    corpus.write_pixel_requests(tmp_path / "pixels.json", 512)
    load = analyzer.Load("step_matte", triton.grpc_url, tmp_path / "pixels.json", 2, 6, CONTROL_KEY)
    assert tool.measure(load).per_second > 0


async def test_a_loop_of_one_client_counts_every_picture(triton: Session) -> None:
    async with loop.to_triton(triton.grpc_url, "cutout_step") as send:
        found = await loop.measure(send, [corpus.photo(320, 240, 0)], concurrency=2, requests=5)
    assert 0 < found.p50_ms <= found.p99_ms
    assert found.per_second > 0


def test_what_perf_analyzer_says_of_a_failing_load_reaches_the_reader(
    triton: Session, tool: analyzer.Analyzer, tmp_path: Path
) -> None:
    corpus.write_photo_requests(tmp_path / "photos.json")
    load = analyzer.Load("no_such_model", triton.grpc_url, tmp_path / "photos.json", concurrency=1, requests=1)
    with pytest.raises(analyzer.AnalyzerError, match="no_such_model"):
        tool.measure(load)
