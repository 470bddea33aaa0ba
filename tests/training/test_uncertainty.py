from __future__ import annotations

import json
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from imaging import uncertainty
from tests.training.matte_data import ellipse
from training.__main__ import main
from training.matte.errors import MatteError
from training.uncertainty.fit import calibrated, reliability
from training.uncertainty.samples import Event, Sample

SIDE = 64


class Bright(torch.nn.Module):
    """What is bright is the subject: right for bright ellipses, in doubt and wrong for dull ones."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return (torch.sigmoid((pixels.float().mean(dim=-1) - 125) / 12) * 255).to(torch.uint8)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, whose result is checked
        torch.onnx.export(
            Bright(),
            (torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8),),
            path,
            input_names=["pixels"],
            output_names=["alpha"],
            opset_version=17,
            dynamo=False,
        )
    return path


def pairs(folder: Path, count: int, first: int) -> Path:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for index in range(first, first + count):
        picture, alpha = ellipse(index)
        dull = 0.62 if index % 3 == 0 else 1.0
        cv2.imwrite(str(folder / "images" / f"{index:03d}.png"), (picture * dull).astype(np.uint8))
        cv2.imwrite(str(folder / "masks" / f"{index:03d}.png"), alpha)
    return folder


def test_the_command_fits_on_some_and_reports_on_others(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit, data, out = pairs(tmp_path / "fit", 18, 0), pairs(tmp_path / "data", 12, 40), tmp_path / "out"
    assert main(["uncertainty", str(network), "--fit", str(fit), "--data", str(data), "--output", str(out)]) == 0
    report = json.loads((out / "uncertainty.json").read_text())
    assert report["event"]["text"] == "true IoU below 0.9 or true boundary IoU below 0.75"
    read = uncertainty.read(report["parameters"])
    assert len(read.mirrored) == len(report["features"]) + 1
    for one in report["reliability"].values():
        assert one["pictures"] == 12
        assert 0 < one["bad"] < 12
        assert one["auc"] > 0.9
        assert sum(count for _, _, count in one["bins"]) == 12
    assert (out / "reliability.svg").read_text().lstrip().startswith("<?xml")
    assert cv2.imread(str(out / "reliability.png")) is not None
    assert f"uncertainty = {report['parameters']['uncertainty']}" in capsys.readouterr().out


def test_a_calibration_is_not_measured_on_what_it_was_fitted_to(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = str(pairs(tmp_path / "same", 2, 0))
    assert main(["uncertainty", str(network), "--fit", same, "--data", same, "--output", str(tmp_path)]) == 2
    assert "stands in --fit and --data" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--limit", "0"], ["--iou", "2"], ["--boundary-iou", "nan"]])
def test_an_option_out_of_range_is_told(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["uncertainty", "x.onnx", "--fit", "a", "--data", "b", "--output", "c", *option])
    assert stopped.value.code == 2
    assert f"argument {option[0]}: '{option[1]}'" in capsys.readouterr().err


def known(count: int, seed: int) -> list[Sample]:
    """Samples whose first feature alone decides, with the probability that a logistic curve gives."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (count, len(uncertainty.NAMES)))
    bad = rng.uniform(size=count) < 1 / (1 + np.exp(1 - 2 * values[:, 0]))
    return [
        Sample(str(number), uncertainty.Features(True, tuple(row), float(row[1])), 0.5 if wrong else 1.0, 1.0)  # noqa: FBT003
        for number, (row, wrong) in enumerate(zip(values.tolist(), bad, strict=True))
    ]


def test_a_known_law_is_found_again() -> None:
    alone = calibrated(known(4000, 0), Event()).alone
    assert alone == pytest.approx((-1, 2, 0, 0, 0, 0, 0), abs=0.2)


def test_pictures_of_which_none_or_all_are_bad_cannot_be_fitted() -> None:
    with pytest.raises(MatteError, match="cannot fit: of 5 pictures with a subject, 5 have a true IoU"):
        calibrated(known(5, 1), Event(iou=1.0, boundary_iou=1.1))


def test_true_probabilities_are_reliable_and_boasts_are_not() -> None:
    rng = np.random.default_rng(3)
    scores = rng.uniform(size=5000)
    bad: NDArray[np.bool_] = rng.uniform(size=5000) < scores
    true, boast = reliability(scores, bad), reliability(np.where(scores > 0.5, 0.99, 0.01), bad)
    assert true.ece < 0.03
    assert boast.ece > 0.2
    assert true.brier < boast.brier
    assert true.auc == pytest.approx(5 / 6, abs=0.02)
