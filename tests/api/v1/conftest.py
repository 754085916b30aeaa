from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import AppFactory
from tests.api.v1.accounts import Site
from tests.api.v1.pushes import V1Pushes, WholeAnswers


@pytest.fixture(params=["memory", "local"])
def client(
    make_app: AppFactory, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[FlaskClient]:
    app = make_app(storage=request.param, storage_path=str(tmp_path), storage_fsync=False)
    app.test_client_class = WholeAnswers
    with app.test_client() as client:
        yield client


@pytest.fixture
def v1(client: FlaskClient) -> V1Pushes:
    return V1Pushes(client)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)
