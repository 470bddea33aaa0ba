from __future__ import annotations

import io
import json
from base64 import b64decode
from pathlib import Path

import pytest
from PIL import Image

from perf import analyzer, corpus, loop, report

CSV = """Concurrency,Inferences/Second,Client Send,p50 latency,p90 latency,p95 latency,p99 latency
2,12.5,100,80000,90000,95000,99000
"""


def test_perf_analyzers_report_is_read_in_milliseconds(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(CSV)
    assert analyzer.read_report(tmp_path / "r.csv") == analyzer.Measurement(12.5, 80, 95, 99)


def test_an_empty_report_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(CSV.splitlines()[0] + "\n")
    with pytest.raises(analyzer.AnalyzerError, match="too few requests"):
        analyzer.read_report(tmp_path / "r.csv")


def test_a_missing_library_is_named_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "perf_analyzer").touch()
    with pytest.raises(analyzer.AnalyzerError, match="make serve"):
        analyzer.ready(tmp_path, tmp_path / "no-environment")


def test_the_table_divides_by_the_bare_row() -> None:
    rows = {
        ("bare", 1): analyzer.Measurement(10, 100, 110, 120),
        ("served", 2): analyzer.Measurement(9.5, 105, 115, 125),
    }
    assert "| served | 2 | 9.50 | 0.95 | 105 | 115 | 125 |" in report.table(rows, ("bare", 1))


def test_corpus_pictures_are_the_same_bytes_every_time_and_of_the_stated_size() -> None:
    assert corpus.photo(300, 200, 1) == corpus.photo(300, 200, 1)
    assert corpus.photo(300, 200, 1) != corpus.photo(300, 200, 2)
    assert Image.open(io.BytesIO(corpus.photo(300, 200, 1))).size == (300, 200)


def test_photo_requests_carry_the_length_that_perf_analyzer_asks_for(tmp_path: Path) -> None:
    corpus.write_photo_requests(tmp_path / "photos.json")
    entries = json.loads((tmp_path / "photos.json").read_text())["data"]
    content = b64decode(entries[0]["image"]["content"]["b64"])
    assert int.from_bytes(content[:4], "little") == len(content) - 4
    assert content[4:] == corpus.photos()[0]


def test_pixel_requests_have_the_networks_shape(tmp_path: Path) -> None:
    corpus.write_pixel_requests(tmp_path / "pixels.json", 64)
    entry = json.loads((tmp_path / "pixels.json").read_text())["data"][0]["pixels"]
    assert entry["shape"] == [64, 64, 3]
    assert len(b64decode(entry["content"]["b64"])) == 64 * 64 * 3


def test_an_unlike_copy_is_other_bytes_of_the_same_picture() -> None:
    photo = corpus.photo(64, 48, 0)
    copies = {loop.unlike(photo, number) for number in range(3)}
    assert len(copies | {photo}) == 4
    assert all(Image.open(io.BytesIO(c)).tobytes() == Image.open(io.BytesIO(photo)).tobytes() for c in copies)
