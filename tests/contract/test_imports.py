"""What import-linter does not see: files that no package holds, and libraries that nobody asked for by name."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).resolve().parents[2]
OURS = frozenset(
    {"backends", "export", "gateway", "imaging", "model_repository", "perf", "serving", "tests", "training"}
)
STEPS = sorted(ROOT.glob("model_repository/*/1/*.py"))  # a step may have files beside its model.py
BACKEND = sorted((ROOT / "backends").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Brought by Triton, by Blender's environment, and by whoever builds a plan on the machine with the GPU.
ELSEWHERE = frozenset({"triton_python_backend_utils", "bpy", "bpy_extras", "mathutils", "tensorrt"})


def modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def roots(paths: list[Path]) -> set[str]:
    return {name.split(".")[0] for path in paths for name in modules(path)}


def canonical(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>!~;\[ ]", requirement, maxsplit=1)[0]).lower()


def declared(*extras: str) -> set[str]:
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][name] for name in extras)]
    return {canonical(requirement) for requirements in lists for requirement in requirements}


def listed(file: str) -> set[str]:
    lines = (ROOT / file).read_text().splitlines()
    return {canonical(line) for line in lines if line and not line.startswith("#")}


def undeclared(paths: list[Path], known: set[str], own: frozenset[str] = OURS) -> list[str]:
    brought = packages_distributions()
    foreign = roots(paths) - own - ELSEWHERE - sys.stdlib_module_names
    return sorted(name for name in foreign if not known & {canonical(one) for one in brought.get(name, [name])})


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


@pytest.mark.parametrize("step", STEPS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_step_imports_only_imaging_of_ours(step: Path) -> None:
    assert roots([step]) & OURS <= {"imaging"}


@pytest.mark.parametrize("file", BACKEND, ids=lambda path: path.stem)
def test_the_backend_imports_nothing_of_ours_but_itself(file: Path) -> None:
    assert roots([file]) & OURS == set()


def test_steps_and_backend_are_where_they_are_looked_for() -> None:
    assert {path.parts[-3] for path in STEPS} >= {"decode", "cutout", "alpha_png"}
    assert "twin" in roots(BACKEND)


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("gateway", ("tools",)),
        ("serving", ()),
        ("export", ("export", "torchvision", "smp", "yolo")),
        ("training", ("training", "smp")),
        ("perf", ("export", "training", "dev")),
        ("tests", ("export", "training", "torchvision", "smp", "yolo", "tools", "dev")),
    ],
)
def test_what_a_room_imports_is_asked_for_by_name(folder: str, extras: tuple[str, ...]) -> None:
    assert undeclared(sources(folder), declared(*extras), OURS | {"twin"}) == []


@pytest.mark.parametrize("file", ["serving/requirements-container.txt", "serving/requirements-triton.txt"])
def test_what_a_step_imports_is_in_both_server_environments(file: str) -> None:
    assert undeclared([*sources("imaging"), *STEPS], listed(file)) == []


def test_what_the_backend_imports_is_in_the_wheels_environment() -> None:
    assert undeclared(BACKEND, listed("serving/requirements-triton.txt"), OURS | {"twin"}) == []


def test_every_extra_is_pinned_as_the_constraints_say() -> None:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonical(line): line.split("==")[1] for line in constraints if "==" in line}
    asked = {canonical(one): one.split("==")[1] for requirements in lists for one in requirements}
    assert {name: version for name, version in asked.items() if pinned.get(name, version) != version} == {}
    optional = ("birefnet", "smp", "yolo")
    unfrozen = {canonical(one) for extra in optional for one in PROJECT["optional-dependencies"][extra]}
    assert sorted(asked.keys() - pinned.keys() - unfrozen) == []
