"""Lines of the audit: nothing from outside can make one look like another."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.api import audit_log
from docker_registry.config import Settings
from docker_registry.errors import ConfigError

#: A field of a line of text: a plain value, or a JSON string.
FIELD = re.compile(r'([a-z]+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)(?: |$)')
NASTY = st.text() | st.sampled_from(
    ["a\nb", "a\r\nb event=login", 'x" event="push', "\\", "\u2028", "\x1b[2J", "\ud800", "é", " "]
)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    log = audit_log.log
    before = (list(log.handlers), log.propagate, log.level)
    yield
    for handler in log.handlers:
        handler.close()
    log.handlers, log.propagate = before[:2]
    log.setLevel(before[2])


def lines(path: Path) -> list[str]:
    return path.read_bytes().decode("ascii").splitlines(keepends=True)


def parse(line: str, form: str) -> dict[str, str]:
    if form == "json":
        return json.loads(line)
    found = FIELD.findall(line.removesuffix("\n"))
    assert "".join(f"{name}={value} " for name, value in found).rstrip() == line.rstrip("\n")
    return {name: json.loads(v) if v.startswith('"') else v for name, v in found}


def settings(path: Path, form: str = "text") -> Settings:
    return Settings(audit={"file": str(path), "format": form})


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_said_is_read_again(tmp_path_factory: pytest.TempPathFactory, form: str) -> None:
    path = tmp_path_factory.mktemp("audit") / "log"
    audit_log.open_log(settings(path, form))

    @given(NASTY, NASTY, NASTY)
    def try_it(identity: str, agent: str, address: str) -> None:
        before = len(lines(path))
        fields = {"identity": identity, "address": address, "agent": agent, "tag": None}
        audit_log.write("push", fields)
        (line,) = lines(path)[before:]
        said = parse(line, form)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.pop("time"))
        expected = {name: text[:128] for name, text in fields.items() if text is not None}
        assert said == {"event": "push", **expected}

    try_it()


def test_a_line_is_short_enough_to_be_one_write(tmp_path: Path) -> None:
    path = tmp_path / "log"
    audit_log.open_log(settings(path))
    fields = ("identity", "user", "address", "request", "repository", "digest", "tags", "agent")
    audit_log.write("push", dict.fromkeys(fields, "\x00" * 10_000))
    (line,) = lines(path)
    assert len(line) < 10_000
    plain = "a" * 10_000
    audit_log.write("push", dict.fromkeys(fields, plain))
    assert len(lines(path)[1]) < 2048


def test_two_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("what was there\n")
    for _ in range(2):
        audit_log.open_log(settings(path))
        audit_log.write("push", {})
    assert len(lines(path)) == 3


def test_a_file_may_be_rotated(tmp_path: Path) -> None:
    path = tmp_path / "log"
    audit_log.open_log(settings(path))
    assert path.stat().st_mode & 0o027 == 0
    audit_log.write("push", {})
    path.rename(tmp_path / "log.1")
    audit_log.write("delete", {})
    assert [len(lines(one)) for one in (path, tmp_path / "log.1")] == [1, 1]


def test_it_is_written_whatever_else_is_not(tmp_path: Path) -> None:
    path = tmp_path / "log"
    logging.getLogger("docker_registry").setLevel(logging.CRITICAL)
    try:
        audit_log.open_log(settings(path))
        audit_log.write("push", {})
    finally:
        logging.getLogger("docker_registry").setLevel(logging.NOTSET)
    assert len(lines(path)) == 1


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    audit_log.open_log(Settings())
    audit_log.write("push", {"identity": "anonymous"})
    assert capsys.readouterr().out.endswith("event=push identity=anonymous\n")


@pytest.mark.parametrize("name", ["none/log", "."])
def test_a_file_that_can_not_be_written_stops_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"^audit\.file \(AUDIT_FILE\) is .*: name a file"):
        audit_log.open_log(settings(tmp_path / name))
