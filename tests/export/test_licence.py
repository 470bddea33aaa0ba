"""What --commercial-only lets through."""

import json
from pathlib import Path

import pytest

from export import licence
from export.__main__ import main
from export.errors import LicenceError
from tests.export.checkpoints import make_ready, make_repository, tree


def card(folder: Path, front: str, **config: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "README.md").write_text(f"---\n{front}\n---\n# Name\nlicense: mit\n")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize(
    "source",
    [
        *("briaai/RMBG-2.0", "nvidia/segformer-b0-finetuned-ade-512-512", "nvidia/mit-b2", "/models/briaai/RMBG-2.0/"),
        "/cache/hub/models--nvidia--segformer-b0-finetuned-ade-512-512/snapshots/0a1b",
    ],
)
@pytest.mark.parametrize("stated", [None, "MIT"])
def test_sources_known_to_forbid_commercial_use_are_refused_whatever_is_stated(source: str, stated: str | None) -> None:
    terms = licence.detect(source, None, stated)
    assert not terms.commercial
    assert terms.name != stated
    assert terms.origin == "known source"
    with pytest.raises(LicenceError, match="not known to allow commercial use"):
        licence.require_commercial(terms, source)


@pytest.mark.parametrize(
    ("front", "name", "commercial"),
    [
        ("license: mit", "mit", True),
        ('license: "apache-2.0"', "apache-2.0", True),
        ("license: cc-by-nc-4.0", "cc-by-nc-4.0", False),
        ("license: cc-by-nc-sa-4.0", "cc-by-nc-sa-4.0", False),
        ("license: other\nlicense_name: bria-rmbg-2.0", "bria-rmbg-2.0", False),
        ("license: other", "other", False),
        ("license: other\nlicense_name: dinov3-license", "dinov3-license", True),
        ("tags:\n- vision\nlicense:\n- cc-by-4.0", "cc-by-4.0", True),
        ("tags: [a]", licence.UNKNOWN, False),
        ("license: mit\nbase_model: nvidia/mit-b0", "LicenseRef-NVIDIA-SegFormer", False),
        ("license: mit\nbase_model:\n- ZhengPeng7/BiRefNet\n- briaai/RMBG-2.0", "CC-BY-NC-4.0", False),
    ],
)
def test_a_model_card_says_the_licence(front: str, name: str, commercial: bool, tmp_path: Path) -> None:  # noqa: FBT001
    terms = licence.detect("someone/something", card(tmp_path, front), None)
    assert (terms.name, terms.commercial) == (name, commercial)


def test_weights_trained_from_forbidding_ones_are_bound_by_them(tmp_path: Path) -> None:
    folder = card(tmp_path, "license: apache-2.0", _name_or_path="nvidia/mit-b0")
    assert not licence.detect(str(folder), folder, None).commercial


def test_weights_trained_here_from_forbidding_ones_are_bound_by_them(tmp_path: Path) -> None:
    folder = card(tmp_path, "base_model:\n- runs/first/model\n- nvidia/mit-b0")
    terms = licence.detect("runs/second/model", folder, "Apache-2.0")
    assert (terms.name, terms.commercial) == ("LicenseRef-NVIDIA-SegFormer", False)


def test_a_cached_copy_is_known_by_its_name() -> None:
    assert licence.detect("/cache/hub/models--ZhengPeng7--BiRefNet/snapshots/0a1b/", None, None).commercial


def test_a_statement_counts_where_nothing_else_is_known() -> None:
    assert licence.detect("./mine", None, "Apache-2.0") == licence.Licence(
        "Apache-2.0", commercial=True, origin="stated"
    )
    assert not licence.detect("./mine", None, "LicenseRef-Contract-7").commercial
    assert not licence.detect("./mine", None, None).commercial


def test_birefnet_is_known_to_be_free() -> None:
    assert licence.detect("ZhengPeng7/BiRefNet_lite", None, None).commercial


@pytest.mark.parametrize(
    ("name", "words"),
    [("bria-rmbg-2.0.onnx", "CC-BY-NC-4.0"), ("unknown.onnx", "no licence found"), ("nvidia/mit-b0", "NVIDIA")],
)
def test_commercial_only_writes_nothing_that_is_not_free(
    name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = make_repository(tmp_path / "repository", 1024)
    before = tree(repository)
    checkpoint = str(make_ready(tmp_path / name)) if name.endswith(".onnx") else name
    arguments = ["main_matte", "--checkpoint", checkpoint, "--repository", str(repository), "--commercial-only"]
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert tree(repository) == before
