"""``docker-registry config`` and the command line itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from docker_registry import __version__
from docker_registry.cli import main
from docker_registry.config import files, report

#: Runs the command line with an environment: ``run("config", "check", DEBUG="true")``.
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("DOCKER_REGISTRY_CONFIG", "SETTINGS_FLAVOR", "STORAGE_PATH"):
        monkeypatch.delenv(name, raising=False)

    def run_it(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environ)

    return run_it


def test_check_shows_values_and_sources(run: Run) -> None:
    result = run("config", "check", STORAGE_PATH="/srv/registry", GUNICORN_THREADS="5")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["storage_path", "/srv/registry", "environment", "STORAGE_PATH"] in rows
    assert ["tags_page", "1000", "config", "file:", "common"] in rows
    assert ["threads", "5", "environment", "GUNICORN_THREADS"] in rows
    assert ["port", "5000", "default"] in rows
    assert "config_sample.yml, flavor dev:" in result.stdout


def test_check_shows_no_secret(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "registry.yml"
    file.write_text("dev: {swift_password: hunter2, extensions: {s3: {token: hunter2}}}")
    result = run(
        "config",
        "check",
        DOCKER_REGISTRY_CONFIG=str(file),
        SMTP_PASSWORD="hunter2",
        SQLALCHEMY_INDEX_DATABASE="postgresql://u:hunter2@h/d",
    )
    assert result.exit_code == 0
    assert "swift_password" in result.stdout
    assert "hunter2" not in result.output


def test_check_wraps_and_interprets_nothing(run: Run) -> None:
    path = "/" + "long/" * 100 + "[bold]x"
    assert path in run("config", "check", STORAGE_PATH=path).stdout


def test_check_tells_all_problems_of_both_parts(run: Run) -> None:
    result = run("config", "check", DEBUG="perhaps", TAGS_PAGE="many", REGISTRY_PORT="http")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "DEBUG" in result.stderr
    assert "TAGS_PAGE" in result.stderr
    assert "REGISTRY_PORT" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_names_the_drivers_there_are(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "registry.yml"
    file.write_text("dev: {storage: floppy}")
    result = run("config", "check", DOCKER_REGISTRY_CONFIG=str(file))
    assert result.exit_code == 1
    assert "'floppy'" in result.stderr
    assert "local" in result.stderr
    assert "'dev'" in result.stderr


def test_check_makes_no_store(run: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert run("config", "check", STORAGE_PATH=str(store)).exit_code == 0
    assert not store.exists()


class TestCheckLooksAtFiles:
    """What would stop the start is found without starting: files, and settings that need others."""

    @pytest.fixture
    def users(self, tmp_path: Path) -> dict[str, str]:
        path = tmp_path / "users"
        path.touch()
        return {"AUTH": "htpasswd", "AUTH_HTPASSWD_PATH": str(path)}

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            (
                {"AUTH_HTPASSWD_PATH": "/none"},
                "auth_htpasswd.path (environment AUTH_HTPASSWD_PATH) is /none",
            ),
            ({"AUTH": "token"}, "auth (AUTH) has token: set auth_token.service"),
            ({"AUTH": "certificate"}, "set REGISTRY_TLS_CLIENT_CA, or auth_certificate.header"),
            ({"TOKENS_SIGNING_KEY": "/none"}, "tokens.signing_key (TOKENS_SIGNING_KEY) is /none"),
            ({"AUDIT_FILE": "/none/audit"}, "audit.file (AUDIT_FILE) is '/none/audit'"),
        ],
    )
    def test_what_is_wrong(
        self, run: Run, users: dict[str, str], given: dict[str, str], problem: str
    ) -> None:
        assert run("config", "check", **users).exit_code == 0
        result = run("config", "check", **{**users, **given})
        assert result.exit_code == 1
        assert problem in result.stderr
        assert result.stdout == ""

    def test_workers_that_memory_is_not_for(self, run: Run, tmp_path: Path) -> None:
        file = tmp_path / "registry.yml"
        file.write_text("dev: {storage: memory}")
        given = {"DOCKER_REGISTRY_CONFIG": str(file)}
        assert run("config", "check", **given).exit_code == 0
        result = run("config", "check", **given, GUNICORN_WORKERS="2")
        assert result.exit_code == 1
        assert "GUNICORN_WORKERS is 2" in result.stderr

    def test_all_at_once(self, run: Run, users: dict[str, str]) -> None:
        wrong = {"AUTH": "htpasswd, certificate", "AUTH_HTPASSWD_PATH": "/none"}
        result = run("config", "check", **{**users, **wrong}, AUDIT_FILE="/none/audit")
        for name in ("AUTH_HTPASSWD_PATH", "REGISTRY_TLS_CLIENT_CA", "AUDIT_FILE"):
            assert name in result.stderr

    def test_nothing_is_made_and_nobody_is_asked(self, run: Run, tmp_path: Path) -> None:
        store, audit = tmp_path / "store", tmp_path / "audit"
        given = {"AUTH": "keystone", "AUTH_KEYSTONE_AUTH_URL": "http://127.0.0.1:9/v3"}
        result = run("config", "check", **given, STORAGE_PATH=str(store), AUDIT_FILE=str(audit))
        assert result.exit_code == 0
        assert "Keystone" not in result.stderr
        assert not list(tmp_path.iterdir())


def test_schema(run: Run) -> None:
    result = run("config", "schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == report.schema()


def test_docs(run: Run) -> None:
    result = run("config", "docs")
    assert result.exit_code == 0
    assert result.stdout == report.documentation()


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"docker-registry, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["no-such-command"], ["config", "check", "--no-such"]])
def test_usage_errors_are_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_broken_setting_stops_the_start_in_one_message(run: Run) -> None:
    for arguments in ([], ["serve"]):
        result = run(*arguments, SETTINGS_FLAVOR="prd")
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
        assert "'prd'" in result.stderr


class TestDistribution:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "config.yml"
        file.write_text(
            "version: 0.1\n"
            "storage:\n"
            "  s3: {bucket: b, secretkey: hunter2, accesskey: k}\n"
            "  cache: {layerinfo: redis}\n"
            "http: {addr: '127.0.0.1:5001', adr: x}\n"
        )
        return file

    def test_check(self, run: Run, file: Path) -> None:
        result = run(
            *("config", "check"),
            DOCKER_REGISTRY_CONFIG=str(file),
            REGISTRY_STORAGE_S3_BUCKET="other",
        )
        assert result.exit_code == 0
        rows = [line.split() for line in result.stdout.splitlines()]
        assert ["s3_access_key", "k", "config", "file:", "storage.s3.accesskey"] in rows
        assert ["s3_bucket", "other", "environment", "REGISTRY_STORAGE_S3_BUCKET"] in rows
        assert ["port", "5001", "config", "file:", "http.addr"] in rows
        assert f"{file}, configuration of Distribution:" in result.stdout
        assert "warning: storage.cache (config file) has no effect: not needed" in result.stderr
        assert "did you mean http.addr?" in result.stderr
        assert "hunter2" not in result.output

    def test_check_fails_where_the_start_would(self, run: Run, file: Path) -> None:
        result = run(
            *("config", "check"),
            DOCKER_REGISTRY_CONFIG=str(file),
            REGISTRY_AUTH="{htpasswd: {path: /p}}",
        )
        assert result.exit_code == 1
        assert "auth_htpasswd.path (environment REGISTRY_AUTH" in result.stderr
        assert result.stderr.count("\n") == 1

    def test_broken_file_is_told_once(self, run: Run, file: Path) -> None:
        file.write_text("version: [")
        result = run("config", "check", DOCKER_REGISTRY_CONFIG=str(file))
        assert result.exit_code == 1
        assert result.stderr.count("is not sound YAML") == 1

    def test_convert(self, run: Run, file: Path) -> None:
        result = run("config", "convert", str(file), REGISTRY_STORAGE_DELETE_ENABLED="true")
        assert result.exit_code == 0
        assert yaml.safe_load(result.stdout)["distribution"]["delete_enabled"] is True
        assert "# storage.cache (config file) has no effect: " in result.stdout
        assert "#     export REGISTRY_PORT=5001\n" in result.stdout
        assert "warning: it holds secrets (s3_secret_key)" in result.stderr

    def test_convert_takes_nothing_else(self, run: Run, tmp_path: Path) -> None:
        result = run("config", "convert", str(tmp_path / "none.yml"))
        assert result.exit_code == 1
        assert "there is no file" in result.stderr
        sample = files.PACKAGED / files.SAMPLE
        result = run("config", "convert", str(sample))
        assert "is no configuration of Distribution" in result.stderr


class TestPermissions:
    RULES = (
        "[{who: 'group:dev, user:bob', repositories: team/**, may: push}, "
        "{who: any-user, repositories: team/secret/**, may: []}, "
        "{who: everybody, repositories: public/**, may: pull}, "
        "{who: any-user, repositories: '{user}/**', may: admin}, "
        "{who: any-user, repositories: '{project}/**', may: delete}]"
    )

    @pytest.fixture
    def explain(self, run: Run, tmp_path: Path) -> Callable[..., dict[str, tuple[str, str]]]:
        users = tmp_path / "users"
        users.touch()

        def explain_it(*arguments: str, **environ: str) -> dict[str, tuple[str, str]]:
            given = {
                "AUTH": "htpasswd",
                "AUTH_HTPASSWD_PATH": str(users),
                "POLICY": self.RULES,
                **environ,
            }
            result = run("config", "check", *arguments, **given)
            assert result.exit_code == 0, result.output
            rows = [line.split(maxsplit=2) for line in result.stdout.splitlines()[2:6]]
            return {row[0]: (row[1], row[2].strip()) for row in rows}

        return explain_it

    @pytest.mark.parametrize(
        ("arguments", "allowed", "why"),
        [
            ("--as bob --repository team/app", "pull push", "rule 1: [group:dev, user:bob] in "),
            ("--as al --group dev --repository team/app", "pull push", "rule 1: "),
            ("--as al --repository team/app", "", "no rule is about it"),
            (
                "--as bob --repository team/secret/x",
                "",
                "rule 2: [any-user] in team/secret/** may ",
            ),
            ("--as anonymous --repository public/x", "pull", "rule 3: "),
            ("--as anonymous --method htpasswd --repository public/x", "pull", "rule 3: "),
            ("--as anonymous --repository anonymous/x", "", "no rule is about it"),
            ("--as al --repository al/x", "pull push delete admin", "rule 4: "),
            ("--as al --project acme --repository acme/x", "delete", "rule 5: "),
        ],
    )
    def test_each_action_and_its_rule(
        self,
        explain: Callable[..., dict[str, tuple[str, str]]],
        arguments: str,
        allowed: str,
        why: str,
    ) -> None:
        rows = explain(*arguments.split())
        assert [action for action, (may, _) in rows.items() if may == "yes"] == allowed.split()
        assert list(rows) == ["pull", "push", "delete", "admin"]
        assert all(reason.startswith(why) for _, reason in rows.values())

    def test_what_holds_without_rules(
        self, explain: Callable[..., dict[str, tuple[str, str]]]
    ) -> None:
        rows = explain("--as", "bob", "--repository", "x", POLICY="")
        assert rows["delete"][0] == "yes"
        assert rows["admin"][0] == "no"
        assert rows["admin"][1].startswith("built-in rule 1: ")

    def test_a_way_to_log_in_that_there_is_not(self, run: Run, tmp_path: Path) -> None:
        arguments = ("--as", "bob", "--method", "keystone", "--repository", "x")
        given = {"AUTH": "htpasswd", "AUTH_HTPASSWD_PATH": str(tmp_path / "users")}
        result = run("config", "check", *arguments, **given)
        assert result.exit_code == 2
        assert "it should be in auth (AUTH), which has htpasswd" in result.stderr

    def test_what_a_user_of_openstack_is_must_be_said(self, run: Run) -> None:
        arguments = ("config", "check", "--as", "al", "--repository", "web/app")
        given = {"AUTH": "keystone", "AUTH_KEYSTONE_AUTH_URL": "http://127.0.0.1:9/v3"}
        assert "--role ROLE --project NAMES" in run(*arguments, **given).stdout
        result = run(*arguments, "--role", "member", "--project", "web", **given)
        assert "pull    yes" in result.stdout
        assert "--role ROLE" not in result.stdout

    def test_of_tokens_of_somebody_else_rules_are_not_asked(self, run: Run) -> None:
        arguments = ("config", "check", "--as", "joe", "--repository", "team/app")
        result = run(*arguments, AUTH="token", AUTH_TOKEN_NAME="gitlab-issuer", POLICY=self.RULES)
        assert result.exit_code == 0
        assert "what the token says, which auth_token.name (gitlab-issuer)" in result.stdout

    def test_what_else_holds(self, run: Run) -> None:
        arguments = ("config", "check", "--as", "bob", "--repository", "team/app")
        given = {"WRITE_ONCE": "team/**:v*, other:*", "READ_ONLY": "true"}
        result = run(*arguments, **given)
        assert result.exit_code == 0
        assert "htpasswd" not in result.stdout
        assert "may do everything with team/app: auth (AUTH) is not set" in result.stdout
        assert "tags by team/**:v* are written once" in result.stdout
        assert "other" not in result.stdout
        assert "read_only (READ_ONLY)" in result.stdout
        assert "DELETE_ENABLED" in run(*arguments, DELETE_ENABLED="false").stdout

    @pytest.mark.parametrize("arguments", ["--as bob", "--repository x", "--as b --repository UP"])
    def test_wrong_use(self, run: Run, arguments: str) -> None:
        assert run("config", "check", *arguments.split()).exit_code == 2

    @pytest.mark.parametrize(
        ("variable", "value", "problem"),
        [
            ("POLICY", "[{who: bob, repositories: x, may: pull}]", "rule 1: 'bob' should be"),
            ("POLICY", "[{who: user:b, repositories: X, may: pull}]", "rule 1: 'X' should be"),
            (
                "POLICY",
                "[{who: user:b, repositories: x, may: pull}, {who: user:b, may: fly}]",
                "policy (environment POLICY), entry 2, may: 'fly' should be",
            ),
            (
                "POLICY",
                "[{who: user:b, repository: x, may: pull}]",
                "policy (environment POLICY), entry 1, repositories: is missing",
            ),
            (
                "POLICY",
                "[{who: user:b, repository: x, may: pull}]",
                "policy (environment POLICY), entry 1, repository: unknown key",
            ),
            ("WRITE_ONCE", "team/**", "entry 1: 'team/**' should be"),
            ("AUTH", "", "policy (POLICY) has rules, but without auth (AUTH)"),
        ],
    )
    def test_wrong_rules_are_found(
        self, run: Run, tmp_path: Path, variable: str, value: str, problem: str
    ) -> None:
        (tmp_path / "users").touch()
        given = {
            "AUTH": "htpasswd",
            "AUTH_HTPASSWD_PATH": str(tmp_path / "users"),
            "POLICY": self.RULES,
            variable: value,
        }
        result = run("config", "check", **given)
        assert result.exit_code == 1
        assert problem in result.stderr

    def test_rules_are_shown_as_they_would_be_written(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "users").touch()
        given = {"AUTH": "htpasswd", "AUTH_HTPASSWD_PATH": str(tmp_path / "users")}
        result = run("config", "check", POLICY=self.RULES, **given)
        (line,) = [line for line in result.stdout.splitlines() if line.startswith("policy ")]
        text = line.removeprefix("policy").partition("environment")[0].strip()
        assert yaml.safe_load(text)[0] == {
            "who": ["group:dev", "user:bob"],
            "repositories": "team/**",
            "may": ["push"],
        }
