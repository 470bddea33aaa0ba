from collections.abc import Iterator

import pytest

from tests.backends.server import TwinServer, serve


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinServer]:
    repository = tmp_path_factory.mktemp("twin") / "models"
    repository.mkdir()
    with serve(repository) as running:
        yield running
