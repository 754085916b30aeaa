"""Stores that CNCF Distribution and we can use alike, each told where it is in its own way."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients import flavors
from tests.drivers.gcs_service import make_bucket
from tests.drivers.s3_service import MOTO_BUCKET, moto
from tests.gcs.tunnel import google_at
from tests.tools import require_service


@dataclass(frozen=True)
class Store:
    """One empty store.

    :ivar theirs: Distribution's storage driver and its parameters.
    :ivar ours: our environment.
    :ivar variables: of Distribution's environment.
    :ivar root: our environment for all that Distribution keeps, where that is more.
    """

    theirs: Mapping[str, Mapping[str, object]]
    ours: flavors.Environment
    variables: Mapping[str, str] = field(default_factory=dict)
    root: flavors.Environment | None = None


#: Makes a store, and removes it afterwards; the directory is for files that it needs.
MakeStore = Callable[[Path], AbstractContextManager[Store]]


@contextmanager
def files(directory: Path) -> Iterator[Store]:
    store = directory / "store"
    store.mkdir()
    yield Store(
        {"filesystem": {"rootdirectory": str(store)}},
        {"SETTINGS_FLAVOR": "local", "STORAGE_PATH": str(store)},
    )


def ceph_s3(directory: Path) -> AbstractContextManager[Store]:
    found, prefix = require_service("ceph"), _prefix()
    return _cleared(
        Store(
            {
                "s3": {
                    "regionendpoint": found["CEPH_S3_ENDPOINT"],
                    "region": found["CEPH_S3_REGION"],
                    "accesskey": found["CEPH_S3_ACCESS_KEY"],
                    "secretkey": found["CEPH_S3_SECRET_KEY"],
                    "bucket": found["CEPH_S3_BUCKET"],
                    "rootdirectory": prefix,
                    "secure": False,
                    "forcepathstyle": True,
                }
            },
            {**flavors.ceph_s3(), "STORAGE_PATH": prefix},
        )
    )


def aws_s3(directory: Path) -> AbstractContextManager[Store]:
    settings, url, prefix = moto(), require_service("moto")["MOTO_URL"], _prefix()
    return _cleared(
        Store(
            {
                "s3": {
                    "regionendpoint": url,
                    "region": "us-east-1",
                    "accesskey": "key",
                    "secretkey": "secret",
                    "bucket": MOTO_BUCKET,
                    "rootdirectory": prefix,
                    "secure": False,
                    "forcepathstyle": True,
                }
            },
            {
                "SETTINGS_FLAVOR": "s3",
                "AWS_HOST": str(settings.boto_host),
                "AWS_PORT": str(settings.boto_port),
                "AWS_SECURE": "false",
                "AWS_ENCRYPT": "false",
                "AWS_KEY": "key",
                "AWS_SECRET": "secret",
                "AWS_BUCKET": MOTO_BUCKET,
                "STORAGE_PATH": prefix,
                # moto says of each multipart upload that it began in 2010, so a sweep of old ones
                # would abort those that run.
                "UPLOAD_MAX_AGE": "0",
            },
        )
    )


def swift(directory: Path) -> AbstractContextManager[Store]:
    found, prefix = require_service("openstack"), _prefix()
    ours = {
        **flavors.openstack("swift"),
        "OS_CONTAINER": "takeover",
        "SWIFT_SEGMENTS_CONTAINER": "takeover",
    }
    return _cleared(
        Store(
            {
                "swift": {
                    "authurl": found["OS_AUTH_URL"],
                    "authversion": 3,
                    "username": found["OS_USERNAME"],
                    "password": found["OS_PASSWORD"],
                    "tenant": found["OS_PROJECT_NAME"],
                    "domain": found["OS_USER_DOMAIN_NAME"],
                    "region": found["OS_REGION_NAME"],
                    "container": "takeover",
                    "prefix": prefix,
                }
            },
            {**ours, "STORAGE_PATH": f"{prefix}/files"},
            root={**ours, "STORAGE_PATH": prefix},
        )
    )


def azure(directory: Path) -> AbstractContextManager[Store]:
    ours, prefix = flavors.azureblob(), _prefix()
    return _cleared(
        Store(
            {
                "azure": {
                    "accountname": ours["AZURE_STORAGE_ACCOUNT_NAME"],
                    "accountkey": ours["AZURE_STORAGE_ACCOUNT_KEY"],
                    "container": ours["AZURE_STORAGE_CONTAINER"],
                    "serviceurl": ours["AZURE_STORAGE_ENDPOINT"],
                    "credentials": {"type": "shared_key"},
                    "rootdirectory": prefix,
                },
                # It signs addresses that the emulator doesn't take.
                "redirect": {"disable": True},
            },
            {**ours, "STORAGE_PATH": prefix},
        )
    )


@contextmanager
def gcs(directory: Path) -> Iterator[Store]:
    endpoint = require_service("gcs")["STORAGE_EMULATOR_HOST"]
    bucket = make_bucket(endpoint)
    with google_at(endpoint, directory) as variables:
        yield Store(
            # Signed addresses lead to Google.
            {"gcs": {"bucket": bucket, "rootdirectory": "registry"}, "redirect": {"disable": True}},
            {
                "SETTINGS_FLAVOR": "gcs",
                "GCS_BUCKET": bucket,
                "STORAGE_EMULATOR_HOST": endpoint,
                "STORAGE_PATH": "/registry",
            },
            variables,
        )


def _prefix() -> str:
    return f"/takeover-{uuid.uuid4().hex}"


@contextmanager
def _cleared(store: Store) -> Iterator[Store]:
    with flavors.driver_of(store.ours) as driver:
        # Containers are made.
        driver.check()
    try:
        yield store
    finally:
        flavors.clear(store.root or store.ours)
