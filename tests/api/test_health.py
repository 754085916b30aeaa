"""Liveness and readiness."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from docker_registry import drivers
from docker_registry.api import readiness
from docker_registry.app import create_app
from docker_registry.config import Settings
from docker_registry.drivers.alternate import Chain
from docker_registry.drivers.alternate.member import Member
from docker_registry.drivers.base import Driver
from tests.drivers.switchable import SwitchableDriver


@pytest.fixture(autouse=True)
def each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "HOLDS", -1)


def app_over(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(drivers, "create", lambda settings: driver)
    return create_app(Settings(storage="memory", search_backend="none"))


def test_a_store_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = app_over(SwitchableDriver(tmp_path), monkeypatch).test_client()
    assert client.get("/health/live").get_json() == {"status": "ok"}
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ok", "storage": {"local": "available"}}
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_store_that_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = SwitchableDriver(tmp_path)
    client = app_over(driver, monkeypatch).test_client()
    driver.down = True
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.get_json() == {"status": "unavailable", "storage": {"local": "unavailable"}}
    assert client.get("/health/live").status_code == 200
    driver.down = False
    assert client.get("/health/ready").status_code == 200


def test_a_chain_is_degraded_until_it_is_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary, second = SwitchableDriver(tmp_path / "1"), SwitchableDriver(tmp_path / "2")
    chain = Chain([Member("s3", primary, 0.01), Member("local", second)])
    client = app_over(chain, monkeypatch).test_client()
    assert client.get("/health/ready").get_json()["status"] == "ok"
    primary.down = True
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "degraded",
        "storage": {"s3": "unavailable", "local": "available"},
    }
    second.down = True
    assert client.get("/health/ready").status_code == 503


def test_a_look_at_the_storage_is_for_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "HOLDS", 60)
    driver = SwitchableDriver(tmp_path)
    client = app_over(driver, monkeypatch).test_client()
    for _ in range(5):
        client.get("/health/ready")
    assert driver.calls.count("check") == 1
