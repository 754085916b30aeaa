"""What has no effect is told by its name: nothing is dropped silently."""

from __future__ import annotations

import re

import pytest

from docker_registry.config import unserved
from docker_registry.config.distribution import auth, general, stores, without_effect
from tests.tools import CHECKOUT
from tests.unit.config.distribution.conftest import LoadBoth

#: The file that the image registry:2 comes with.
OF_THE_IMAGE = """
log: {fields: {service: registry}}
storage: {cache: {blobdescriptor: inmemory}, filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ':5000', headers: {X-Content-Type-Options: [nosniff]}}
health: {storagedriver: {enabled: true, interval: 10s, threshold: 3}}
"""


def notes(load_both: LoadBoth, text: str, **environ: str) -> list[str]:
    settings, _ = load_both(text, **environ)
    told = list(settings.provenance.notes)
    assert list(unserved.without_effect(settings)) == told
    return told


def test_the_least_and_the_usual_file(load_both: LoadBoth) -> None:
    assert notes(load_both, "") == []
    told = notes(load_both, OF_THE_IMAGE)
    assert [note.split()[0] for note in told] == [
        "log.fields",
        "storage.cache",
        "health.storagedriver",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("http: {secret: s}", "http.secret"),
        ("auth: {htpasswd: {realm: r, path: /p}}", "auth.htpasswd.realm"),
        ("http: {http2: {disabled: true}}", "http.http2"),
        ("http: {h2c: {enabled: true}}", "http.h2c.enabled"),
        ("http: {debug: {addr: ':5001', prometheus: {enabled: true}}}", "http.debug"),
        ("http: {tls: {ciphersuites: [TLS_AES_128_GCM_SHA256]}}", "http.tls.ciphersuites"),
        ("log: {formatter: json}", "log.formatter"),
        ("log: {hooks: [{type: mail}]}", "log.hooks"),
        ("log: {reportcaller: true}", "log.reportcaller"),
        ("redis: {addr: 'r:6379', pool: {maxidle: 1}}", "redis"),
        ("health: {file: [{file: /x}], http: [], tcp: [{addr: 'x:1'}]}", "health.file"),
        ("notifications: {endpoints: [{name: n, url: 'http://x'}]}", "notifications.endpoints"),
        ("notifications: {events: {includereferences: true}}", "notifications.events"),
        ("policy: {repository: {classes: [image]}}", "policy"),
        ("compatibility: {schema1: {enabled: true}}", "compatibility"),
        ("reporting: {bugsnag: {apikey: k}}", "reporting"),
        ("storage: {inmemory: ~, tag: {concurrencylimit: 8}}", "storage.tag"),
        (
            "storage: {inmemory: ~, maintenance: {uploadpurging: {interval: 1h}}}",
            "storage.maintenance.uploadpurging.interval",
        ),
        ("storage: {filesystem: {maxthreads: 50}}", "storage.filesystem.maxthreads"),
        ("storage: {s3: {bucket: b, chunksize: 5242880}}", "storage.s3.chunksize"),
        ("storage: {s3aws: {bucket: b, chunksize: 5242880}}", "storage.s3aws.chunksize"),
        ("storage: {s3: {bucket: b, keyid: k}}", "storage.s3.keyid"),
        ("storage: {s3: {bucket: b, usefipsendpoint: true}}", "storage.s3.usefipsendpoint"),
        ("storage: {gcs: {bucket: b, useragent: x}}", "storage.gcs.useragent"),
        (
            "validation: {manifests: {indexes: {platforms: list, platformlist: [{os: linux}]}}}",
            "validation.manifests.indexes.platformlist",
        ),
    ],
)
def test_named(load_both: LoadBoth, text: str, name: str) -> None:
    told = notes(load_both, text)
    assert told[0].startswith(f"{name} (config file) has no effect: ")
    assert "nothing of that name" not in "".join(told)


@pytest.mark.parametrize(
    "text",
    [
        "log: {formatter: text, reportcaller: false}",
        "http: {h2c: {enabled: false}}",
        "storage: {s3: {bucket: b, accelerate: false, loglevel: 'off'}}",
        "middleware: {registry: [{name: own, disabled: true}]}",
        "health: {}",
        "proxy: {remoteurl: ''}",
        "auth: ~",
    ],
)
def test_nothing_to_tell(load_both: LoadBoth, text: str) -> None:
    assert notes(load_both, text) == []


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "htpp: {addr: ':5000'}",
            "htpp.addr (config file) has no effect: Distribution has nothing",
        ),
        ("http: {adr: ':5000'}", "http.adr (config file) has no effect: Distribution has nothing"),
        ("http: {adr: ':5000'}", "did you mean http.addr?"),
        ("http: {Addr: ':5000'}", "did you mean http.addr?"),
        ("htpp: ':5000'", "did you mean http?"),
        ("storage: {s3: {bucket: b, regio: x}}", "did you mean storage.s3.region?"),
        (
            (
                "storage: {swift: {username: u, password: p, authurl: 'http://k/v3', container: c, "
                "rootdirectory: /x}}"
            ),
            "storage.swift.rootdirectory (config file) has no effect: Distribution has nothing",
        ),
        ("middleware: {storage: [{name: rewrite}]}", "clients get blobs from the registry itself"),
        (
            (
                "storage: {s3: {bucket: b}}\nmiddleware: {storage: [{name: cloudfront, options: "
                "{ipfilteredby: aws}}]}"
            ),
            "ipfilteredby of cloudfront is not in this version",
        ),
    ],
)
def test_unknown_and_unserved(load_both: LoadBoth, text: str, note: str) -> None:
    (told,) = notes(load_both, text)
    assert note in told


def test_flavor_and_variables_that_do_nothing(load_both: LoadBoth) -> None:
    told = notes(
        load_both,
        "http: {addr: ':5000'}",
        SETTINGS_FLAVOR="local",
        REGISTRY_PORT="tcp://10.0.0.1:5000",
        REGISTRY_SERVICE_HOST="10.0.0.1",
    )
    assert [note.split(" has no effect")[0] for note in told] == [
        "REGISTRY_SERVICE_HOST",
        "REGISTRY_PORT",
        "SETTINGS_FLAVOR",
    ]


def test_a_variable_s_source_is_told(load_both: LoadBoth) -> None:
    (told,) = notes(load_both, "", REGISTRY_HTTP_SECRET="s")
    assert told.startswith("http.secret (environment REGISTRY_HTTP_SECRET) has no effect: ")


def test_documented() -> None:
    """Every name of the tables is in the page for those who come from Distribution."""
    page = (CHECKOUT / "docs/distribution.md").read_text(encoding="utf-8")
    names = {row.name for row in general.ROWS}
    names |= {row.name for rows in auth.ROWS.values() for row in rows}
    names |= {row.name for store in stores.STORES.values() for row in store.rows}
    names |= {idle.name.removesuffix(".enabled") for idle in without_effect.GENERAL}
    # Said by their section, or by the value beside them.
    names -= {"version", "notifications.events", "notifications.endpoints"}
    assert {name for name in names if f"`{name}`" not in page} == set()
    assert set(stores.STORES) - {"s3aws"} == set(re.findall(r"^\| `(\w+)` →", page, re.MULTILINE))
