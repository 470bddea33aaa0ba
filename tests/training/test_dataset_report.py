"""The report: what it finds in pictures and rows, and that a person can read it there."""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import TensorProto, helper

from tests.training.dataset_data import image, write_broken, write_csv, write_folder, write_picture
from training.__main__ import main
from training.dataset.errors import DatasetError
from training.dataset.vectors import Embedder, alike_pairs, table

MAPPING = "version: 1\ngroups: {pan: [skillet], pot: [], tray: []}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source with every kind of trouble, and its report beside it."""
    base = tmp_path_factory.mktemp("dataset")
    source = write_folder(base / "set", per_keyword=4)
    write_broken(source / "pan")
    shutil.copy(source / "pan" / "00.jpg", source / "pan" / "copy.jpg")
    image(1001).resize((64, 48)).save(source / "tray" / "small.png")
    write_picture(source / "skillets" / "a.jpg", 77)
    write_picture(source / "<i>odd<i>" / "a.jpg", 78)
    lines = [
        f"{path.relative_to(source)},{path.parent.name},,{'test' if path.stem in {'copy', 'small'} else 'train'}"
        for path in sorted(source.rglob("*.*"))
    ]
    write_csv(source / "m.csv", [*lines, "pan/01.jpg,pan,,train", "pan/gone.jpg,pan,,train"])
    (base / "mapping.yaml").write_text(MAPPING)
    command = ["dataset", "report", str(source / "m.csv"), "--out", str(base / "report")]
    assert main([*command, "--mapping", str(base / "mapping.yaml"), "--strict"]) == 1
    return base


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "report" / "report.json").read_text()))


def names(cluster: object) -> list[str]:
    assert isinstance(cluster, list)
    return [member["image"] for member in cluster[1]]


def test_broken_files_are_in_the_page_by_name_and_reason(folder: Path) -> None:
    page = html.unescape((folder / "report" / "index.html").read_text())
    listed = (folder / "report" / "broken.csv").read_text()
    for name in ("empty.jpg", "truncated.jpg", "text.png", "damaged.png", "huge.png", "gone.jpg"):
        assert f"pan/{name}" in page
        assert f"pan/{name}" in listed
    assert "the picture has too many pixels" in page
    assert "there is no such file" in page


def test_duplicates_leaks_and_conflicts_are_found(found: dict[str, Any]) -> None:
    assert names(found["duplicates"]["exact"]["largest"][0]) == ["pan/00.jpg", "pan/copy.jpg"]
    assert names(found["duplicates"]["near"]["largest"][0]) == ["pot/01.jpg", "tray/small.png"]
    assert names(found["leaks"]["exact"]["largest"][0]) == ["pan/00.jpg", "pan/copy.jpg"]
    assert found["leaks"]["near"]["clusters"] == 2
    assert names(found["conflicts"]["largest"][0]) == ["pot/01.jpg", "tray/small.png"]


def test_keywords_are_counted_before_and_after_grouping(found: dict[str, Any]) -> None:
    assert found["keywords"]["before"]["skillets"] == 1
    assert "skillets" not in found["keywords"]["after"]
    assert found["keywords"]["after"]["pan"] == found["keywords"]["before"]["pan"] + 1
    assert [one["spelling"] for one in found["unknown_keywords"]] == ["<i>odd<i>"]


def test_rows_that_are_wrong_are_in_the_report(found: dict[str, Any]) -> None:
    assert [(one["kind"], one["cases"]) for one in found["problems"]] == [("named twice", [["pan/01.jpg", "2 rows"]])]


def test_the_page_has_its_plots_and_pictures_inside_and_escapes_names(folder: Path) -> None:
    page = (folder / "report" / "index.html").read_text()
    assert page.count("<svg") == 3
    assert "data:image/jpeg;base64," in page
    assert 'src="http' not in page
    assert "<i>odd<i>" not in page
    assert "&lt;i&gt;odd&lt;i&gt;" in page


def test_splits_that_keep_duplicates_together_have_no_leak(folder: Path, tmp_path: Path) -> None:
    duplicates = folder / "report" / "duplicates.parquet"
    command = ["dataset", "split", str(folder / "set" / "m.csv"), "--resplit", "--shares", "50,25,25"]
    for seed in range(3):
        manifest = tmp_path / f"{seed}.parquet"
        assert main([*command, "--seed", str(seed), "--duplicates", str(duplicates), "--out", str(manifest)]) == 0
        split = {Path(row["image"]).name: row["split"] for row in pq.read_table(manifest).to_pylist()}
        assert split["copy.jpg"] is not None
        rows = {row["image"].rpartition("set/")[2]: row["split"] for row in pq.read_table(manifest).to_pylist()}
        assert rows["pan/00.jpg"] == rows["pan/copy.jpg"]
        assert rows["pot/01.jpg"] == rows["tray/small.png"]


def test_a_clean_set_is_clean_and_the_same_report_comes_out_twice(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "set", per_keyword=2)
    for name in ("one", "two"):
        assert main(["dataset", "report", str(source), "--out", str(tmp_path / name), "--strict"]) == 0
    for name in ("report.json", "index.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_table_alone_needs_no_pictures(tmp_path: Path) -> None:
    lines = [f"{n}.jpg,pan,g{n % 3},{('train', 'test')[n % 2]}" for n in range(12)]
    manifest = write_csv(tmp_path / "m.csv", lines)
    assert main(["dataset", "report", str(manifest), "--out", str(tmp_path / "report"), "--table-only"]) == 0
    found = json.loads((tmp_path / "report" / "report.json").read_text())
    assert found["leaks"]["group"]["clusters"] == 3
    assert "pictures" not in found


def write_embedder(path: Path, side: int = 8, kind: int = TensorProto.UINT8) -> Path:
    """`pixels` [n, side, side, 3] -> the mean colour of the picture, less the middle."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["cast"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Sub", ["mean", "middle"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colour",
        [helper.make_tensor_value_info("pixels", kind, ["n", side, side, 3])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor("middle", TensorProto.FLOAT, [3], [127.0] * 3)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_an_exported_embedder_finds_what_is_alike(tmp_path: Path) -> None:
    source = tmp_path / "set"
    for name, seed in (("a", 1), ("b", 2), ("c", 3)):
        write_picture(source / "pan" / f"{name}.jpg", seed)
    turned = image(1).rotate(180)
    turned.save(source / "pan" / "turned.jpg", quality=95)
    embedder = write_embedder(tmp_path / "model.onnx")
    command = ["dataset", "report", str(source), "--out", str(tmp_path / "report"), "--cosine", "0.999"]
    assert main([*command, "--embedder", str(embedder)]) == 0
    found = json.loads((tmp_path / "report" / "report.json").read_text())["duplicates"]
    assert found["near"]["clusters"] == 0
    assert names(found["alike"]["largest"][0]) == ["pan/a.jpg", "pan/turned.jpg"]


def test_vectors_from_elsewhere_find_what_is_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_folder(tmp_path / "set", per_keyword=1)
    vectors = pa.table(
        {"image": ["pan/00.jpg", "pot/00.jpg", "tray/00.jpg"], "embedding": [[1.0, 0], [0, 2], [0.1, 9]]}
    )
    pq.write_table(vectors, tmp_path / "vectors.parquet")
    command = ["dataset", "report", str(source), "--out", str(tmp_path / "report"), "--vectors"]
    assert main([*command, str(tmp_path / "vectors.parquet")]) == 0
    found = json.loads((tmp_path / "report" / "report.json").read_text())["duplicates"]
    assert names(found["alike"]["largest"][0]) == ["pot/00.jpg", "tray/00.jpg"]
    pq.write_table(vectors.rename_columns(["image", "vector"]), tmp_path / "wrong.parquet")
    assert main([*command, str(tmp_path / "wrong.parquet")]) == 2
    assert "columns image and embedding" in capsys.readouterr().err
    pq.write_table(pa.table({"image": ["x"], "embedding": [[1.0]]}), tmp_path / "other.parquet")
    assert main([*command, str(tmp_path / "other.parquet")]) == 2
    assert "none of the pictures in it is one of these" in capsys.readouterr().err


def test_vectors_that_are_nothing_are_alike_to_nothing(tmp_path: Path) -> None:
    vectors = np.array([[0, 0], [np.nan, 1], [np.inf, 0], [3, 4], [6, 8]], np.float32)
    pq.write_table(table(list("abcde"), vectors), tmp_path / "v.parquet")
    pairs = {
        tuple(map(int, pair))
        for one, other in alike_pairs(tmp_path / "v.parquet", 0.9)
        for pair in zip(one, other, strict=True)
    }
    assert pairs == {(3, 4), (4, 3)}


def test_vectors_of_different_widths_are_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": ["a", "b"], "embedding": [[1.0], [1.0, 2.0]]}), tmp_path / "v.parquet")
    with pytest.raises(DatasetError, match="different widths"):
        list(alike_pairs(tmp_path / "v.parquet", 0.9))


def test_a_file_that_is_no_embedder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(DatasetError, match="not a readable ONNX file"):
        Embedder(tmp_path / "text.onnx")
    with pytest.raises(DatasetError, match="one input UINT8"):
        Embedder(write_embedder(tmp_path / "floats.onnx", kind=TensorProto.FLOAT))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--distance", "9"], "--distance 9: 0 to 6"),
        (["--cosine", "1.5", "--vectors", "{}"], "not a readable Parquet file"),
        (["--embedder", "a", "--vectors", "b"], "one of them"),
        (["--memory", "much"], "--memory much"),
        (["--mapping", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_a_wrong_option_is_an_error(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    command = ["dataset", "report", str(folder / "set"), "--out", str(tmp_path / "report")]
    assert main([*command, *(option.format(folder) for option in options)]) == 2
    assert reason in capsys.readouterr().err
