"""The OCI conformance suite: every row of its tables passes, and nothing in it is skipped.

https://github.com/opencontainers/distribution-spec/tree/main/conformance
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.conftest import ServerFactory
from tests.tools import Tool

API_ROWS = 28
DATA_ROWS = 24
SPARSE_ROW = "Sparse Manifests"

#: What version 1.1 of the specification leaves open, and the suite therefore turns off.
OPTIONAL_APIS = {
    "OCI_API_BLOBS_UPLOAD_CANCEL": "true",
    "OCI_API_BLOBS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_DIGEST_HEADER": "true",
    "OCI_API_MANIFESTS_TAG_PARAM": "true",
}
SPARSE = {"OCI_DATA_SPARSE": "true"}


@pytest.mark.parametrize(
    ("version", "sparse"),
    [("1.1", False), ("dev", False), ("dev", True)],
    ids=["1.1", "dev", "dev with sparse indexes"],
)
def test_every_row_passes(
    start_registry: ServerFactory, tmp_path: Path, version: str, sparse: bool
) -> None:
    registry = start_registry(SPARSE_INDEXES=str(sparse).lower())
    results = tmp_path / "results"
    suite = Tool(
        "conformance",
        tmp_path / "home",
        {
            "OCI_REGISTRY": registry.address,
            "OCI_TLS": "disabled",
            "OCI_VERSION": version,
            "OCI_RESULTS_DIR": str(results),
            **OPTIONAL_APIS,
            **(SPARSE if sparse else {}),
        },
    )

    done = suite.run()

    # It ends with exit code 0 if its own set-up failed: then there are no results.
    assert (results / "results.yaml").exists(), done.stdout.decode() + done.stderr.decode()
    report = yaml.safe_load((results / "results.yaml").read_text())
    cases = ElementTree.parse(results / "junit.xml").getroot()
    if not sparse:
        assert report["data"].pop(SPARSE_ROW) == "Disabled"
    bad = [f"{row}: {status}" for row, status in rows(report) if status != "Pass"]
    # A row passes if one of its tests does, even if the others were skipped.
    bad += list(unpassed(cases))
    assert not bad, "\n".join(bad)
    assert len(report["apis"]) == API_ROWS
    assert len(report["data"]) == (DATA_ROWS if sparse else DATA_ROWS - 1)
    assert done.returncode == 0, done.stdout.decode()


def rows(report: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    yield from report["apis"].items()
    yield from report["data"].items()


def unpassed(cases: ElementTree.Element) -> Iterator[str]:
    """Give name, status and error text of each single test that did not pass."""
    for case in cases.iter("testcase"):
        status = case.get("status")
        if status != "passed":
            yield f"{case.get('name')}: {status}\n{case.findtext('system-out')}"
