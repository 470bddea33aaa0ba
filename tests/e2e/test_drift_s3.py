"""A drift report in a real S3 bucket: whole, and readable as the next reference."""

import json
from pathlib import Path

import numpy as np
import pytest

from gateway.drift import profile
from gateway.drift.comparison import Comparison
from gateway.drift.monitor import Verdict
from gateway.drift.observation import Observation
from gateway.drift.report import Folder, report_of
from gateway.settings import Settings
from gateway.store import Shelf, open_store
from gateway.telemetry import Telemetry
from tests.e2e.buckets import KEY_ID, REGION, SECRET, s3
from tests.gateway.fakes import picture

pytestmark = pytest.mark.e2e


def window(size: int) -> tuple[Observation, ...]:
    rng = np.random.default_rng(1)
    return tuple(
        Observation(
            stream="a-request",
            time=1_800_000_000.0 + number,
            width=8,
            height=6,
            figures={"brightness": float(rng.normal(100, 20))},
            embedding=rng.normal(size=4).astype(np.float32),
            jpeg=picture(8, 6, "JPEG") if number % 10 == 0 else b"",
        )
        for number in range(size)
    )


async def test_a_report_lies_in_the_bucket_with_its_manifest_and_profile(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    frames = window(60)
    with s3(tmp_path) as endpoint:
        settings = Settings.model_validate(
            {
                "store_url": "s3://results/shop",
                "s3_endpoint": endpoint,
                "s3_region": REGION,
                "s3_access_key_id": KEY_ID,
                "s3_secret_access_key": SECRET,
            }
        )
        report = report_of("shelf_segmenter", Verdict((), 4, episode=True, window=frames))
        await Folder(report, frames).write(Shelf(open_store(settings), settings, Telemetry()))
    folder = tmp_path / "results" / "shop" / str(report.sample)
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert [(folder / line["image"]).read_bytes()[:2] for line in lines] == [b"\xff\xd8"] * 6
    assert json.loads((folder / "report.json").read_text())["pictures"] == 6
    assert Comparison(profile.load(folder / profile.NAME)).compare(frames)[0].ratio < 1
