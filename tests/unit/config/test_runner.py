"""The server's own variables."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from docker_registry.config import load_runner
from docker_registry.errors import ConfigError


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1, and its key."""
    directory = tmp_path_factory.mktemp("tls")
    pem, key = directory / "tls.pem", directory / "tls.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=registry"),
            *("-keyout", key, "-out", pem),
        ],
        check=True,
        capture_output=True,
    )
    return pem, key


def test_defaults() -> None:
    runner = load_runner({})
    assert (runner.host, runner.port) == ("0.0.0.0", 5000)
    assert (runner.workers, runner.threads) == (None, 512)
    assert (runner.graceful_timeout, runner.silent_timeout) == (3600, 120)
    assert (runner.access_log_file, runner.error_log_file) == ("-", "-")


def test_every_variable_takes_effect(certificate: tuple[Path, Path]) -> None:
    pem, key = map(str, certificate)
    runner = load_runner(
        {
            "REGISTRY_HOST": "::1",
            "REGISTRY_PORT": "5001",
            "GUNICORN_WORKERS": "3",
            "GUNICORN_THREADS": "4",
            "GUNICORN_GRACEFUL_TIMEOUT": "5",
            "GUNICORN_SILENT_TIMEOUT": "6",
            "GUNICORN_ACCESS_LOG_FILE": "/a",
            "GUNICORN_ERROR_LOG_FILE": "/e",
            "GUNICORN_USER": "root",
            "GUNICORN_GROUP": "0",
            "GUNICORN_OPTS": "--backlog 7",
            "REGISTRY_TLS_CERTIFICATE": pem,
            "REGISTRY_TLS_KEY": key,
            "REGISTRY_TLS_CLIENT_CA": f"{pem}, {pem}",
            "REGISTRY_TLS_CLIENT_AUTH": "optional",
            "REGISTRY_TLS_MINIMUM": "1.3",
        }
    )
    assert runner.model_dump() == {
        "host": "::1",
        "port": 5001,
        "workers": 3,
        "threads": 4,
        "graceful_timeout": 5,
        "silent_timeout": 6,
        "access_log_file": "/a",
        "error_log_file": "/e",
        "user": "root",
        "group": "0",
        "options": ["--backlog", "7"],
        "tls_certificate": pem,
        "tls_key": key,
        "tls_client_ca": [pem, pem],
        "tls_client_auth": "optional",
        "tls_minimum": "1.3",
    }
    assert runner.provenance.source("port") == "environment REGISTRY_PORT"


def test_set_but_empty_means_unset() -> None:
    names = ("REGISTRY_HOST", "REGISTRY_PORT", "GUNICORN_WORKERS", "GUNICORN_USER", "GUNICORN_OPTS")
    assert load_runner(dict.fromkeys(names, "")) == load_runner({})


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("[--preload]", ["--preload"]),
        ("[]", []),
        ("--preload --name 'my registry'", ["--preload", "--name", "my registry"]),
        ("[--backlog, 010]", ["--backlog", "010"]),
    ],
)
def test_options_as_a_list_or_as_for_a_shell(text: str, options: list[str]) -> None:
    assert load_runner({"GUNICORN_OPTS": text}).options == options


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"REGISTRY_PORT": "http"}, "port (environment REGISTRY_PORT): 'http' should be a whole"),
        ({"REGISTRY_PORT": "65536"}, "'65536' should be less than or equal to 65535"),
        ({"GUNICORN_WORKERS": "0"}, "workers (environment GUNICORN_WORKERS): '0' should be"),
        ({"GUNICORN_OPTS": "[--a"}, "options (environment GUNICORN_OPTS)"),
        ({"GUNICORN_OPTS": "'--a"}, "No closing quotation"),
        ({"GUNICORN_USER": "no-such-user"}, "GUNICORN_USER is 'no-such-user', which this machine"),
        ({"GUNICORN_GROUP": "no-such-group"}, "GUNICORN_GROUP is 'no-such-group'"),
        ({"REGISTRY_TLS_KEY": "/k"}, "go together"),
        ({"REGISTRY_TLS_MINIMUM": "1.1"}, "REGISTRY_TLS_MINIMUM): '1.1' should be '1.2' or '1.3'"),
        ({"REGISTRY_TLS_CLIENT_CA": "/ca"}, "REGISTRY_TLS_CLIENT_CA needs TLS"),
        ({"REGISTRY_TLS_CLIENT_AUTH": "optional"}, "but no CA is named"),
        ({"REGISTRY_TLS_CLIENT_AUTH": "none"}, "'none' should be 'required' or 'optional'"),
        (
            {"REGISTRY_TLS_CERTIFICATE": "/no/cert", "REGISTRY_TLS_KEY": "/no/key"},
            "REGISTRY_TLS_CERTIFICATE /no/cert and REGISTRY_TLS_KEY /no/key should be readable",
        ),
    ],
)
def test_wrong_values(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_runner(environ)
    assert problem in str(raised.value)
    assert "\n" not in str(raised.value)


def test_ca_certificates_must_be_readable(certificate: tuple[Path, Path]) -> None:
    pem, key = map(str, certificate)
    with pytest.raises(ConfigError, match="REGISTRY_TLS_CLIENT_CA names /no/ca, which should be"):
        load_runner(
            {
                "REGISTRY_TLS_CERTIFICATE": pem,
                "REGISTRY_TLS_KEY": key,
                "REGISTRY_TLS_CLIENT_CA": f"{pem}, /no/ca",
            }
        )


def test_key_must_have_no_password(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    pem, key = map(str, certificate)
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "rsa", "-aes256", "-passout", "pass:secret", "-in", key, "-out", locked],
        check=True,
        capture_output=True,
    )
    with pytest.raises(ConfigError, match="the key without a password"):
        load_runner({"REGISTRY_TLS_CERTIFICATE": pem, "REGISTRY_TLS_KEY": str(locked)})


def test_all_problems_at_once() -> None:
    with pytest.raises(ConfigError, match="2 problems"):
        load_runner({"REGISTRY_PORT": "x", "GUNICORN_THREADS": "y"})
