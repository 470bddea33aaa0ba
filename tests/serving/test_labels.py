"""The label file beside config.pbtxt: kept that of the newest version, and refused where it cannot be right."""

from pathlib import Path

import pytest

from serving.repository import Survey, survey
from tests.serving.test_repository import network, put, refusal, step

NAME = "keyword_classifier"
OUTPUT = 'output { name: "probabilities" data_type: TYPE_FP32 dims: [ -1 ] label_filename: "labels.txt" }'


def classifier(repository: Path, versions: dict[int, str], beside: str | None = None, more: str = "") -> Path:
    step(repository, "decode")
    network(repository, NAME, *map(str, versions), more=f"{OUTPUT} {more}")
    for number, labels in versions.items():
        put(repository / NAME / str(number) / "labels.txt", labels)
    if beside is not None:
        put(repository / NAME / "labels.txt", beside)
    return repository / NAME


def reason(found: Survey) -> str:
    return next((one.reason for one in found.refused if one.name == NAME), "")


@pytest.mark.parametrize("beside", [None, "old\n"])
def test_the_newest_versions_labels_are_put_beside_the_config(tmp_path: Path, beside: str | None) -> None:
    model = classifier(tmp_path, {1: "a\nb\n", 2: "c\nd\n"}, beside)
    assert NAME in survey([tmp_path], keep_labels=True).served
    assert (model / "labels.txt").read_text() == "c\nd\n"
    assert sorted(one.name for one in model.iterdir()) == ["1", "2", "config.pbtxt", "labels.txt"]


def test_a_version_that_is_taken_away_takes_its_labels_along(tmp_path: Path) -> None:
    model = classifier(tmp_path, {1: "a\nb\n"}, beside="of a version that is gone\n")
    assert NAME in survey([tmp_path], keep_labels=True).served
    assert (model / "labels.txt").read_text() == "a\nb\n"


def test_who_only_looks_writes_nothing_and_says_what_is_wrong(tmp_path: Path) -> None:
    model = classifier(tmp_path, {1: "a\nb\n", 2: "c\nd\n"}, beside="a\nb\n")
    found = survey([tmp_path])
    assert reason(found) == f"{model / 'labels.txt'} is not that of version 2"
    assert refusal(found, NAME).cure == f"cp {model / '2' / 'labels.txt'} {model / 'labels.txt'}"
    assert (model / "labels.txt").read_text() == "a\nb\n"


def test_a_folder_that_cannot_be_written_is_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier(tmp_path, {1: "a\n"}, beside="b\n")

    def refuse(*_: object) -> int:
        raise PermissionError("read-only file system")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    found = survey([tmp_path], keep_labels=True)
    assert refusal(found, NAME).cure.startswith(f"cp {model}")
    assert "decode" in found.served


@pytest.mark.parametrize(
    ("labels", "card", "said"),
    [
        ("a\nb\n", '{"labels": ["a", "b"]}', ""),
        ("a\nb", '{"labels": ["a", "b"]}', ""),
        ("a\nb\n", "no card", ""),
        ("a\nb\n", "[]", ""),
        (
            "a\n",
            '{"labels": ["a", "b"]}',
            "version 1 has a labels.txt with 1 labels that are not the 2 of",
        ),
        ("b\na\n", '{"labels": ["a", "b"]}', "version 1 has a labels.txt with 2 labels that are not the 2 of"),
        ("a\n\nb\n", "{}", "version 1 has a labels.txt with an empty line"),
        ("", "{}", "version 1 has a labels.txt with an empty line"),
    ],
)
def test_labels_must_be_those_of_the_network(tmp_path: Path, labels: str, card: str, said: str) -> None:
    model = classifier(tmp_path, {1: labels})
    put(model / "1" / "model.json", card)
    assert reason(survey([tmp_path], keep_labels=True)).startswith(said)
    assert bool(reason(survey([tmp_path], keep_labels=True))) == bool(said)


def test_a_version_without_labels_or_with_unreadable_ones_is_refused(tmp_path: Path) -> None:
    model = classifier(tmp_path, {1: "a\n"})
    (model / "1" / "labels.txt").write_bytes(b"\xff\n")
    assert reason(survey([tmp_path], keep_labels=True)) == "version 1 has a labels.txt that is not UTF-8"
    (model / "1" / "labels.txt").unlink()
    found = survey([tmp_path], keep_labels=True)
    assert reason(found) == "version 1 has no labels.txt"
    assert refusal(found, NAME).cure == f"export it again, or rm -r {model / '1'}"


def test_versions_that_are_served_at_once_must_have_the_same_labels(tmp_path: Path) -> None:
    policy = "version_policy { all {} }"
    classifier(tmp_path / "same", {1: "a\n", 2: "a\n"}, more=policy)
    assert NAME in survey([tmp_path / "same"], keep_labels=True).served
    classifier(tmp_path / "different", {1: "a\n", 2: "b\n"}, more=policy)
    assert reason(survey([tmp_path / "different"], keep_labels=True)).startswith("versions 1, 2 are served at once")
