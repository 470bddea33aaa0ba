from pathlib import Path

import pytest

from export.options import Options
from export.roles import MatteRole
from tests.export.checkpoints import SIDE, make_repository, make_segformer


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repository")


@pytest.fixture
def options(repository: Path) -> Options:
    return Options(repository=repository)


@pytest.fixture(scope="session")
def step() -> MatteRole:
    """The real role at a side that takes milliseconds."""
    return MatteRole("step_matte", SIDE, ("segformer",))


@pytest.fixture(scope="session")
def main_role() -> MatteRole:
    return MatteRole("main_matte", SIDE, ("segformer", "remote", "onnx"))


@pytest.fixture(scope="session")
def sigmoid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SegFormer checkpoint with one class."""
    return make_segformer(tmp_path_factory.mktemp("sigmoid"))


@pytest.fixture(scope="session")
def softmax(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SegFormer checkpoint with two classes, the subject first, trained at half the contract's side."""
    return make_segformer(tmp_path_factory.mktemp("softmax"), ("subject", "background"), SIDE // 2)
