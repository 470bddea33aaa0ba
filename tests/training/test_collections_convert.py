"""Old pickles: the same probabilities as scikit-learn's, and no code of theirs is run."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.__main__ import main
from training.heads.errors import HeadsError
from training.heads.head import read
from training.heads.old_pickle import read_old

ROOT = Path(__file__).resolve().parents[2]
RANDOM = np.random.default_rng(5)
VECTORS = RANDOM.normal(size=(60, 12))
LABELS = VECTORS[:, 0] + RANDOM.normal(size=60) > 0


def fitted(labels: np.ndarray = LABELS, **options: Any) -> LogisticRegression:  # noqa: ANN401 - scikit-learn's own
    return LogisticRegression(C=np.float64(0.1), class_weight="balanced", solver="liblinear", **options).fit(
        VECTORS, labels
    )


def probabilities(path: Path) -> np.ndarray:
    old = read_old(path)
    return 1 / (1 + np.exp(-(VECTORS @ old.weight + old.bias)))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(int)], ids=["bool", "int"])
def test_a_plain_pickle_of_every_protocol(tmp_path: Path, protocol: int, labels: np.ndarray) -> None:
    path = tmp_path / "old.pkl"
    path.write_bytes(pickle.dumps(fitted(labels), protocol))
    assert probabilities(path) == pytest.approx(fitted(labels).predict_proba(VECTORS)[:, 1], abs=1e-12)


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)], ids=str)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_joblibs_pickle(tmp_path: Path, compress: Any, protocol: int) -> None:  # noqa: ANN401 - joblib's own
    path = tmp_path / "old.pkl"
    joblib.dump(fitted(), path, compress=compress, protocol=protocol)
    assert probabilities(path) == pytest.approx(fitted().predict_proba(VECTORS)[:, 1], abs=1e-12)


def test_single_precision_without_an_intercept_in_the_other_byte_order(tmp_path: Path) -> None:
    model = fitted(fit_intercept=False)
    model.coef_ = model.coef_.astype(np.float32).astype(">f4")
    path = tmp_path / "old.pkl"
    for write in (lambda: path.write_bytes(pickle.dumps(model)), lambda: joblib.dump(model, path)):
        write()
        assert probabilities(path) == pytest.approx(1 / (1 + np.exp(-VECTORS @ model.coef_[0])), abs=1e-6)


def test_nothing_of_scikit_learn_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "old.pkl"
    joblib.dump(fitted(), path)
    code = "import sys; from pathlib import Path; from training.heads.old_pickle import read_old; "
    code += "read_old(Path(sys.argv[1])); sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False, cwd=ROOT).returncode == 0


OTHERS = {
    "another estimator": lambda: LogisticRegressionCV(cv=2, Cs=2, l1_ratios=(0,), use_legacy_attributes=False),
    "a pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "a calibrated one": lambda: CalibratedClassifierCV(LogisticRegression(), cv=2),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_estimators_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "old.pkl"
    joblib.dump(OTHERS[kind](), path)
    with pytest.raises(HeadsError, match=r"it holds a sklearn\.\S+; only scikit-learn's LogisticRegression"):
        read_old(path)


REFUSED = {
    "three classes": (lambda: LogisticRegression().fit(VECTORS, np.arange(60) % 3), r"classes are \[0, 1, 2\]"),
    "other classes": (lambda: fitted(np.where(LABELS, 2, 1)), r"classes are \[1, 2\], not \[False, True\]"),
    "classes of text": (lambda: fitted(np.where(LABELS, "yes", "no")), "of str\\d+, not of numbers"),
    "never fitted": (LogisticRegression, "no classes_: it was never fitted"),
    "a list": (lambda: [1, 2], "there is no LogisticRegression in it"),
    "an array": (lambda: np.zeros(3), "there is no LogisticRegression in it"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("dump", [joblib.dump, lambda model, path: path.write_bytes(pickle.dumps(model))])
def test_what_is_no_binary_classifier_is_refused(tmp_path: Path, kind: str, dump: Any) -> None:  # noqa: ANN401
    make, words = REFUSED[kind]
    dump(make(), tmp_path / "old.pkl")
    with pytest.raises(HeadsError, match=words):
        read_old(tmp_path / "old.pkl")


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.mark),)


def hidden_in_an_array(evil: Evil, path: Path) -> None:
    model = fitted()
    model.coef_ = np.array([evil], object)
    joblib.dump(model, path)


def hidden_in_an_attribute(evil: Evil, path: Path) -> None:
    model = fitted()
    model.note = evil
    path.write_bytes(pickle.dumps(model))


@pytest.mark.parametrize("hide", [hidden_in_an_array, hidden_in_an_attribute])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, hide: Any) -> None:  # noqa: ANN401 - a function of this module
    hide(Evil(tmp_path / "mark"), tmp_path / "old.pkl")
    joblib.load(tmp_path / "old.pkl")
    assert (tmp_path / "mark").exists()
    (tmp_path / "mark").rmdir()
    with pytest.raises(HeadsError, match=r"old\.pkl: "):
        read_old(tmp_path / "old.pkl")
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("data", [b"", b"no pickle", pickle.dumps(1)[:-1], b"\x80\x05.", b"cos\nsystem\n."])
def test_damaged_files_are_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "old.pkl"
    path.write_bytes(data)
    with pytest.raises(HeadsError, match=r"old\.pkl: "):
        read_old(path)


def test_a_cut_pickle_is_named(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    joblib.dump(fitted(), buffer)
    path = tmp_path / "old.pkl"
    for end in range(0, len(buffer.getvalue()) - 1, 97):
        path.write_bytes(buffer.getvalue()[:end])
        with pytest.raises(HeadsError, match=r"old\.pkl: "):
            read_old(path)


def test_the_command_needs_trust_and_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "collection_7_classifier_20240506_070809.pkl"
    joblib.dump(fitted(), path)
    output, heads = tmp_path / "output", tmp_path / "heads"
    command = ["collections", "convert", str(path), "--output", str(output), "--publish", str(heads)]
    assert main(command) == 2
    assert not output.exists()
    assert "WARNING: unpickling runs code" in capsys.readouterr().err
    assert main([*command, "--trust-pickle"]) == 0
    assert "WARNING: unpickling runs code" in capsys.readouterr().err
    head = read(output / "collection_7_classifier_20240506T070809000000Z.json")
    assert head.probabilities(VECTORS) == pytest.approx(fitted().predict_proba(VECTORS)[:, 1], abs=1e-6)
    assert head.card.settings["converted_from"] == path.name
    assert read(heads / "7" / "head.json").card == head.card


@pytest.mark.parametrize(
    ("moment", "version"),
    [
        ("2025-09-14_115109", "20250914T115109000000Z"),
        ("2025-09-14", "20250914T000000000000Z"),
        ("20240506_070809", "20240506T070809000000Z"),
        ("20240506T070809Z", "20240506T070809000000Z"),
    ],
)
def test_the_moment_of_the_name_is_the_version(tmp_path: Path, moment: str, version: str) -> None:
    path = tmp_path / f"collection_10_classifier_{moment}.pkl"
    joblib.dump(fitted(), path)
    assert main(["collections", "convert", str(path), "--trust-pickle", "--output", str(tmp_path / "output")]) == 0
    assert (tmp_path / "output" / f"collection_10_classifier_{version}.json").is_file()


def test_the_collection_comes_from_the_name_or_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("collection_12_compatible_classifier.pkl", "model.pkl"):
        joblib.dump(fitted(), tmp_path / name)
    options = ["--trust-pickle", "--output", str(tmp_path / "output")]
    assert main(["collections", "convert", str(tmp_path / "collection_12_compatible_classifier.pkl"), *options]) == 0
    files = [str(tmp_path / name) for name in ("model.pkl", "collection_12_compatible_classifier.pkl")]
    assert main(["collections", "convert", *files, *options]) == 1
    shown = capsys.readouterr()
    assert "--collection ID does" in shown.err
    assert "1 of 2 files converted" in shown.out
    assert main(["collections", "convert", str(tmp_path / "model.pkl"), *options, "--collection", "3"]) == 0
    numbers = {read(path).card.collection for path in (tmp_path / "output").glob("*.json")}
    assert numbers == {3, 12}
