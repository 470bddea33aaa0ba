"""NVIDIA's own perf_analyzer drives a pipeline and a network of the real server."""

from pathlib import Path

import pytest

from perf import analyzer, corpus
from serving.session import Session

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


def test_what_perf_analyzer_says_of_a_failing_load_reaches_the_reader(
    triton: Session, tool: analyzer.Analyzer, tmp_path: Path
) -> None:
    corpus.write_photo_requests(tmp_path / "photos.json")
    load = analyzer.Load("no_such_model", triton.grpc_url, tmp_path / "photos.json", concurrency=1, requests=1)
    with pytest.raises(analyzer.AnalyzerError, match="no_such_model"):
        tool.measure(load)
