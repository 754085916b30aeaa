"""Each value of Distribution in our keys, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from docker_registry.config import Runner, Settings, load_runner
from docker_registry.config.distribution import auth, general, stores
from docker_registry.config.keys import leaves
from docker_registry.errors import ConfigError
from tests.pki import Authority
from tests.unit.config.distribution.conftest import LoadBoth

#: YAML, and what it makes of our keys.
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("", {"delete_enabled": False, "storage_redirect": True, "read_only": False}),
    ("", {"manifest_url_allow": ["^$"], "upload_max_age": 604800, "tags_page": 1000}),
    ("", {"host": "0.0.0.0", "port": 5000, "access_log_file": "-"}),
    ("http: {addr: ':5001'}", {"host": "0.0.0.0", "port": 5001}),
    ("http: {addr: 'localhost:5001'}", {"host": "localhost", "port": 5001}),
    ("http: {addr: '[::1]:5001', net: tcp}", {"host": "::1", "port": 5001}),
    ("http: {addr: /run/registry.sock, net: unix}", {"host": "unix:/run/registry.sock"}),
    ("http: {host: https://r.example.org/}", {"public_url": "https://r.example.org"}),
    ("http: {prefix: /my/nested/registry/}", {"url_prefix": "/my/nested/registry"}),
    ("http: {prefix: /}", {"url_prefix": ""}),
    ("http: {relativeurls: true}", {"relative_urls": True}),
    (
        "http: {headers: {X-Content-Type-Options: [nosniff], X: [a, b]}}",
        {"response_headers": {"X-Content-Type-Options": ["nosniff"], "X": ["a", "b"]}},
    ),
    ("http: {draintimeout: 1m30s}", {"graceful_timeout": 90}),
    ("http: {tls: {minimumtls: tls1.3}}", {"tls_minimum": "1.3"}),
    ("http: {tls: {minimumtls: tls1.0}}", {"tls_minimum": "1.2"}),
    ("log: {level: WARN}", {"loglevel": "warning"}),
    ("loglevel: debug", {"loglevel": "debug"}),
    ("loglevel: debug\nlog: {level: error}", {"loglevel": "error"}),
    ("log: {accesslog: {disabled: true}}", {"access_log_file": "/dev/null"}),
    ("log: {accesslog: {disabled: false}}", {"access_log_file": "-"}),
    ("catalog: {maxentries: 7}", {"catalog_page": 7}),
    ("catalog: {maxentries: 0}", {"catalog_page": 1000}),
    ("tags: {maxtags: 8}", {"tags_page": 8}),
    ("storage: {inmemory: {}, delete: {enabled: true}}", {"delete_enabled": True}),
    ("storage: {inmemory: ~, redirect: {disable: true}}", {"storage_redirect": False}),
    ("storage: {inmemory: ~, maintenance: {readonly: {enabled: yes}}}", {"read_only": True}),
    (
        (
            "storage: {inmemory: ~, maintenance: {uploadpurging: {enabled: true, age: 24h, "
            "interval: 24h, dryrun: false}}}"
        ),
        {"upload_max_age": 86400},
    ),
    (
        "storage: {inmemory: ~, maintenance: {uploadpurging: {enabled: false, age: 24h}}}",
        {"upload_max_age": 0},
    ),
    (
        "storage: {inmemory: ~, maintenance: {uploadpurging: {dryrun: true, age: 24h}}}",
        {"upload_max_age": 0},
    ),
    (
        "validation: {manifests: {urls: {allow: ['^https://'], deny: ['^https://a/']}}}",
        {"manifest_url_allow": ["^https://"], "manifest_url_deny": ["^https://a/"]},
    ),
    (
        "validation: {manifests: {urls: {deny: ['^https://a/']}}}",
        {"manifest_url_allow": ["."], "manifest_url_deny": ["^https://a/"]},
    ),
    ("validation: {disabled: true}", {"manifest_url_allow": ["."], "sparse_indexes": True}),
    ("validation: {disabled: true, enabled: true}", {"manifest_url_allow": ["^$"]}),
    ("validation: {manifests: {indexes: {platforms: none}}}", {"sparse_indexes": True}),
    ("validation: {manifests: {indexes: {platforms: all}}}", {"sparse_indexes": False}),
    ("auth: none", {"auth": []}),
    ("auth: {none: {}}", {"auth": []}),
    (
        "auth: {htpasswd: {realm: r, path: /p}}",
        {"auth": ["htpasswd"], "auth_htpasswd.path": "/p", "tokens.enabled": False},
    ),
    (
        "auth: {token: {realm: 'https://a/t', service: s, issuer: i, rootcertbundle: /c}}",
        {
            "auth": ["token"],
            "auth_token.realm": "https://a/t",
            "auth_token.service": "s",
            "auth_token.name": "i",
            "auth_token.certificates": "/c",
            "auth_token.algorithms": auth.ALGORITHMS,
            "tokens.enabled": True,
        },
    ),
    (
        (
            "auth: {token: {realm: 'https://a/t', service: s, issuer: i, jwks: /j, "
            "signingalgorithms: [ES512, RS256], autoredirect: false}}"
        ),
        {"auth_token.jwks": "/j", "auth_token.algorithms": ["ES512", "RS256"]},
    ),
    # Drivers.
    ("storage: {inmemory: {}}", {"storage": "memory"}),
    ("storage: filesystem", {"storage": "local", "storage_path": "/var/lib/registry"}),
    ("storage: {filesystem: }", {"storage": "local", "storage_path": "/var/lib/registry"}),
    ("storage: {filesystem: {rootdirectory: /srv/r}}", {"storage_path": "/srv/r"}),
]

S3 = "storage: {s3: {bucket: b, region: eu-west-1, "
S3_ROWS: list[tuple[str, dict[str, Any]]] = [
    (
        "accesskey: 0123, secretkey: '-x'}}",
        {"s3_access_key": "0123", "s3_secret_key": SecretStr("-x"), "s3_region": "eu-west-1"},
    ),
    ("}}", {"storage": "s3", "s3_bucket": "b", "storage_path": "/", "s3_encrypt": False}),
    ("}}", {"boto_host": None, "boto_calling_format": None, "s3_secure": True}),
    ("rootdirectory: /s3/prefix}}", {"storage_path": "/s3/prefix"}),
    ("encrypt: true, keyid: k}}", {"s3_encrypt": True, "s3_kms_key": "k"}),
    ("encrypt: false, keyid: k}}", {"s3_encrypt": False, "s3_kms_key": None}),
    ("secure: false, v4auth: false}}", {"s3_secure": False, "s3_use_sigv4": False}),
    (
        "regionendpoint: 'http://minio:9000'}}",
        {"boto_host": "http://minio:9000", "boto_calling_format": "path"},
    ),
    ("regionendpoint: h, forcepathstyle: false}}", {"boto_calling_format": "virtual"}),
    ("forcepathstyle: true}}", {"boto_calling_format": "path"}),
    ("redirectendpoint: 'https://cdn'}}", {"storage_public_url": "https://cdn"}),
    ("storageclass: standard_ia}}", {"s3_storage_class": "STANDARD_IA"}),
    ("storageclass: STANDARD}}", {"s3_storage_class": None}),
    ("objectacl: bucket-owner-full-control}}", {"s3_acl": "bucket-owner-full-control"}),
    ("objectacl: private}}", {"s3_acl": None}),
    (
        (
            "}}\nmiddleware: {storage: [{name: cloudfront, options: {baseurl: cf.example.org, "
            "keypairid: K, privatekey: /k.pem, duration: 20m}}]}"
        ),
        {
            "storage": "cloudfronts3",
            "cloudfront.base": "https://cf.example.org",
            "cloudfront.keyid": "K",
            "cloudfront.keysecret": SecretStr("/k.pem"),
        },
    ),
    ("}}\nmiddleware: {storage: [{name: cloudfront, disabled: true}]}", {"storage": "s3"}),
    (
        "}}\nmiddleware: {storage: [{name: redirect, options: {baseurl: 'https://x'}}]}",
        {"storage_redirect": False},
    ),
]

AZURE = "storage: {azure: {accountname: a, container: c, "
SWIFT = (
    "storage: {swift: {username: u, password: 012, authurl: 'https://k.example.org:5000/v3', "
    "container: c, "
)
OSS = "storage: {oss: {accesskeyid: i, accesskeysecret: s, bucket: b, region: oss-cn-beijing, "
OTHER_ROWS: list[tuple[str, dict[str, Any]]] = [
    (
        f"{AZURE} accountkey: k}}}}",
        {
            "storage": "azureblob",
            "azure_storage_account_name": "a",
            "azure_storage_account_key": SecretStr("k"),
            "azure_storage_container": "c",
            "azure_storage_endpoint": None,
            "storage_path": "/",
        },
    ),
    (
        f"{AZURE} accountkey: k, realm: core.chinacloudapi.cn, rootdirectory: /az}}}}",
        {
            "azure_storage_endpoint": "https://a.blob.core.chinacloudapi.cn",
            "storage_path": "/az",
        },
    ),
    (
        f"{AZURE} accountkey: k, realm: r, serviceurl: 'http://azurite/a'}}}}",
        {"azure_storage_endpoint": "http://azurite/a"},
    ),
    (
        f"{AZURE} connectionstring: x=y, max_retries: 4, credentials: {{type: shared_key}}}}}}",
        {"azure_storage_connection_string": SecretStr("x=y"), "storage_attempts": 5},
    ),
    (
        "storage: {gcs: {bucket: b, keyfile: /k.json, rootdirectory: /gcs}}",
        {
            "storage": "gcs",
            "gs_bucket": "b",
            "gs_credentials_file": "/k.json",
            "storage_path": "/gcs",
        },
    ),
    ("storage: {gcs: {bucket: b}}", {"storage_path": "/"}),
    (
        f"{SWIFT} tenant: t, domain: d, region: R, secretkey: s, endpointtype: internal}}}}",
        {
            "storage": "swift",
            "swift_user": "u",
            "swift_password": SecretStr("012"),
            "swift_authurl": "https://k.example.org:5000/v3",
            "swift_auth_version": 3,
            "swift_container": "c",
            "openstack_project_name": "t",
            "openstack_user_domain_name": "d",
            "openstack_project_domain_name": "d",
            "openstack_interface": "internal",
            "swift_region_name": "R",
            "swift_temp_url_key": SecretStr("s"),
            "storage_path": "/files",
        },
    ),
    (
        f"{SWIFT} prefix: a/b, tenantid: 01, domainid: d, tenantdomain: t}}}}",
        {
            "openstack_project_id": "01",
            "openstack_user_domain_id": "d",
            "openstack_project_domain_name": "t",
            "openstack_project_domain_id": None,
            "storage_path": "a/b/files",
        },
    ),
    (f"{SWIFT} authversion: 1}}}}", {"swift_auth_version": 1}),
    (
        (
            "storage: {swift: {username: u, password: p, authurl: 'http://rgw/auth/v1.0', "
            "container: c}}"
        ),
        {"swift_auth_version": 1},
    ),
    (
        f"{OSS}}}}}",
        {
            "storage": "oss",
            "oss_host": "https://oss-cn-beijing.aliyuncs.com",
            "oss_bucket": "b",
            "oss_accessid": "i",
            "oss_accesskey": SecretStr("s"),
            "storage_path": "/",
        },
    ),
    (
        f"{OSS} internal: true, secure: false, rootdirectory: r}}}}",
        {"oss_host": "http://oss-cn-beijing-internal.aliyuncs.com", "storage_path": "r"},
    ),
    (f"{OSS} endpoint: e.example.org}}}}", {"oss_host": "https://e.example.org"}),
]


def value_of(both: tuple[Settings, Runner], key: str) -> Any:
    found: Any = both[1] if key in Runner.model_fields else both[0]
    for name in key.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize(
    ("text", "expected"), [*ROWS, *((S3 + text, keys) for text, keys in S3_ROWS), *OTHER_ROWS]
)
def test_row(load_both: LoadBoth, text: str, expected: dict[str, Any]) -> None:
    both = load_both(text)
    assert {key: value_of(both, key) for key in expected} == expected


def keys_of_tables() -> Iterator[str]:
    yield from (row.key for row in general.ROWS)
    yield from (row.key for rows in auth.ROWS.values() for row in rows)
    yield from (row.key for store in stores.STORES.values() for row in store.rows)


def test_every_row_of_the_tables_is_among_these_and_names_a_key() -> None:
    tried = {
        key for rows in (ROWS, S3_ROWS, OTHER_ROWS) for _, expected in rows for key in expected
    }
    elsewhere = {"tls_certificate", "tls_key", "tls_client_ca"}
    assert set(keys_of_tables()) - elsewhere <= tried
    keys = {leaf.name for model in (Settings, Runner) for leaf in leaves(model)}
    assert set(keys_of_tables()) <= keys


def test_sources(load_both: LoadBoth) -> None:
    settings, runner = load_both(
        S3 + "rootdirectory: /x}}\nhttp: {addr: ':5001'}",
        REGISTRY_STORAGE_S3_BUCKET="other",
        REGISTRY_HTTP_ADDR=":5002",
        STORAGE_FSYNC="false",
    )
    source = settings.provenance.source
    assert settings.s3_bucket == "other"
    assert source("s3_bucket") == "environment REGISTRY_STORAGE_S3_BUCKET"
    assert source("storage_path") == "config file: storage.s3.rootdirectory"
    assert source("delete_enabled") == "default of Distribution for storage.delete.enabled"
    assert source("storage_fsync") == "environment STORAGE_FSYNC"
    assert runner.port == 5002
    assert runner.provenance.source("port") == "environment REGISTRY_HTTP_ADDR"


def test_variables_choose_who_may_come_in(load_both: LoadBoth) -> None:
    variables = {"REGISTRY_AUTH": "htpasswd", "REGISTRY_AUTH_HTPASSWD_PATH": "/p"}
    settings, _ = load_both("auth: {token: {realm: 'https://a'}}", **variables)
    assert (settings.auth, settings.auth_htpasswd.path) == (["htpasswd"], "/p")
    source = settings.provenance.source
    assert source("auth") == "environment REGISTRY_AUTH, REGISTRY_AUTH_HTPASSWD_PATH"
    assert source("auth_htpasswd.path") == "environment REGISTRY_AUTH_HTPASSWD_PATH"
    assert source("tokens.enabled") == "default of Distribution for auth.htpasswd"
    settings, _ = load_both("", **variables, TOKENS_ENABLED="true")
    assert settings.tokens.enabled
    settings, _ = load_both("auth: {htpasswd: {path: /p}}", REGISTRY_AUTH="none")
    assert settings.auth == []
    settings, _ = load_both("", AUTH="htpasswd", AUTH_HTPASSWD_PATH="/own")
    assert (settings.auth, settings.auth_htpasswd.path) == (["htpasswd"], "/own")
    assert settings.tokens.enabled


def test_our_variables_count_where_nothing_is_said(load_both: LoadBoth) -> None:
    settings, runner = load_both(
        "storage: {filesystem: }\ntags: {maxtags: 5}",
        STORAGE_PATH="/srv",
        DELETE_ENABLED="true",
        TAGS_PAGE="6",
        SEARCH_BACKEND="none",
        GUNICORN_WORKERS="3",
        REGISTRY_PORT="5003",
    )
    assert (settings.storage_path, settings.delete_enabled) == ("/srv", True)
    assert (settings.tags_page, settings.search_backend) == (5, None)
    assert (runner.workers, runner.port) == (3, 5003)
    assert settings.provenance.notes == [
        "TAGS_PAGE has no effect: tags_page is said already (config file: tags.maxtags)"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version: 0.2", "version is '0.2': only 0.1 is known"),
        ("storage: {delete: {enabled: true}}", "storage (REGISTRY_STORAGE) names no driver"),
        ("storage: {}", "storage (REGISTRY_STORAGE) names no driver"),
        ("storage: {s3a: {bucket: b}}", "storage.s3a (config file): no such driver: use one of"),
        (
            "storage: {s3: {region: x}}",
            "storage.s3.bucket is missing: set it, or REGISTRY_STORAGE_S",
        ),
        ("storage: {azure: {container: c, accountkey: k}}", "storage.azure.accountname is missing"),
        (f"{AZURE}}}}}", "storage.azure.accountkey is missing"),
        (f"{AZURE}credentials: {{type: client_secret}}}}}}", "give the account's key"),
        (f"{AZURE}accountkey: k, skipverify: true}}}}", "certificates are always verified here"),
        ("storage: {gcs: {bucket: b, credentials: {type: x}}}", "name that in storage.gcs.keyfile"),
        (f"{S3} skipverify: true}}}}", "name the CA certificates in AWS_CA_BUNDLE"),
        (f"{S3} sessiontoken: t}}}}", "AWS_SESSION_TOKEN"),
        (f"{SWIFT} insecureskipverify: true}}}}", "name the CA certificates in OS_CACERT"),
        (f"{SWIFT} authversion: 2}}}}", "version 2 of Keystone's API is gone"),
        (f"{SWIFT} trustid: t}}}}", "use an application credential"),
        (f"{OSS} encrypt: true}}}}", "switch it on for the bucket"),
        ("http: {addr: '5000'}", "http.addr (config file): '5000' should be a host and a port"),
        ("http: {addr: '::1:5000'}", "should be a host and a port"),
        ("http: {net: udp}", "http.net (config file): 'udp' should be tcp or unix"),
        ("http: {draintimeout: 60}", "'60' should be a duration with a unit"),
        ("http: {relativeurls: perhaps}", "relative_urls (config file: http.relativeurls): "),
        ("http: {host: r.example.org}", "public_url (config file: http.host): 'r.example.org' sho"),
        ("http: {headers: {X: [{a: b}]}}", "response_headers (config file: http.headers)"),
        ("http: {tls: {minimumtls: ssl3}}", "'ssl3' should be one of tls1.0, tls1.1"),
        ("http: {tls: {certificate: /c, key: /k}}", "should be readable PEM files"),
        ("http: {tls: {letsencrypt: {cachefile: /c}}}", "let certbot get them"),
        (
            "http: {tls: {clientcas: [/c], clientauth: request-client-cert}}",
            "'request-client-cert' would let certificates in that nobody has verified",
        ),
        ("log: {level: loud}", "loglevel (config file: log.level): 'loud' should be"),
        ("catalog: {maxentries: many}", "catalog_page (config file: catalog.maxentries): 'many'"),
        ("tags: {maxtags: -1}", "tags_page (config file: tags.maxtags): '-1' should be"),
        ("storage: {inmemory: ~, delete: {enabled: 7}}", "storage.delete.enabled (config file): "),
        ("auth: {htpasswd: {realm: r}}", "auth.htpasswd.path is missing: set it, or REGISTRY_AUTH"),
        ("auth: htpasswd", "auth.htpasswd.path is missing"),
        ("auth: {token: {realm: 'https://a', service: s}}", "auth.token.issuer is missing"),
        (
            "auth: {token: {realm: 'https://a', service: s, issuer: i, autoredirect: true}}",
            "auth.token.autoredirect (config file): clients are sent to one URL here",
        ),
        ("auth: {token: {realm: a, service: s, issuer: i}}", "auth_token.realm (config file: auth"),
        ("auth: silly", "auth.silly (config file): this way to ask who somebody is is not known"),
        ("auth: {own: {path: /p}}", "auth.own (config file): this way to ask who somebody is"),
        ("auth: {none: {}, htpasswd: {path: /p}}", "auth (config file): has none, htpasswd: there"),
        ("proxy: {remoteurl: 'https://registry-1.docker.io'}", "proxy.remoteurl (config file): "),
        ("middleware: {storage: [{name: cloudfront}]}", "cloudfront needs the storage driver s3"),
        (
            "middleware: {registry: [{name: own}]}",
            "middleware.registry (config file): 'own' is not",
        ),
        ("middleware: {storage: own}", "should be a list of mappings"),
        ("validation: {manifests: {urls: {allow: ['(']}}}", "should be a regular expression"),
        ("validation: {manifests: {indexes: {platforms: some}}}", "should be all, none or list"),
    ],
)
def test_problem(load_both: LoadBoth, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_both(text)
    assert problem in str(raised.value)
    assert "config.yml" in str(raised.value)
    assert "problems" not in str(raised.value)


def test_problems_are_told_all_at_once_and_without_secrets(load_both: LoadBoth) -> None:
    with pytest.raises(ConfigError, match="3 problems") as raised:
        load_both(
            "storage: {s3: {secretkey: [hunter2], skipverify: true}}",
            REGISTRY_STORAGE_S3_ACCESSKEY="hunter2",
        )
    assert "hunter2" not in str(raised.value)
    assert "configuration of Distribution" in str(raised.value)


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("clientcas: [{ca}]", None),
        ("clientcas: [{ca}], clientauth: verify-client-cert-if-given", "optional"),
        ("clientcas: [{ca}], clientauth: require-and-verify-client-cert", "required"),
        # Distribution does nothing by a mode without CAs.
        ("clientauth: request-client-cert", None),
    ],
)
def test_client_certificates(tmp_path: Path, said: str, mode: str | None) -> None:
    authority = Authority(tmp_path / "ca")
    pair = authority.server()
    file = tmp_path / "config.yml"
    tls = f"certificate: {pair.certificate}, key: {pair.key}, {said.format(ca=authority.pem)}"
    file.write_text(f"{{version: 0.1, storage: inmemory, http: {{tls: {{{tls}}}}}}}")
    runner = load_runner({"DOCKER_REGISTRY_CONFIG": str(file)})
    assert runner.tls_client_auth == mode
    assert runner.tls_client_ca == ([str(authority.pem)] if "clientcas" in said else [])
