import pytest

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry.links import read_link, write_link
from docker_registry.registry.names import Digest

DIGEST = Digest.of(b"data")


def test_written_and_read():
    driver = MemoryDriver()
    write_link(driver, "a/link", DIGEST)
    assert driver.get_content("a/link") == DIGEST.encode()
    assert read_link(driver, "a/link") == DIGEST


def test_a_newline_of_others_is_no_harm():
    driver = MemoryDriver()
    driver.put_content("a/link", DIGEST.encode() + b"\n")
    assert read_link(driver, "a/link") == DIGEST


@pytest.mark.parametrize("content", [b"", b"sha256:", b"\0" * 71, b"\xff", b"latest"])
def test_what_holds_no_digest_is_absent_and_logged(content, caplog):
    driver = MemoryDriver()
    driver.put_content("a/link", content)
    assert read_link(driver, "a/link") is None
    assert "a/link" in caplog.text


def test_absent():
    assert read_link(MemoryDriver(), "a/link") is None
