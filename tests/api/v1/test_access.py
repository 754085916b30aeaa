"""Who may do what by V1, with a password and with V1's tokens; and the attacks across teams."""

from __future__ import annotations

import json

import pytest

from docker_registry.auth import index_tokens
from docker_registry.auth.jws import LEEWAY
from tests.api.v1.accounts import ANONYMOUS, Site, basic
from tests.api.v1.pushes import V1Pushes, image_id, payload_checksum, refusal

BASIC = 'Basic realm="docker-registry", charset="UTF-8"'
A = "team-a/app"


@pytest.fixture
def secret(site: Site) -> str:
    """Give the image that alice has pushed to team-a/app, on a base of hers."""
    alice = site.pushes("alice")
    base = alice.image("base", layer=b"base")
    image = alice.image("secret", base, b"secret")
    assert alice.tag(A, "latest", image).status_code == 200
    return image


@pytest.fixture
def public(site: Site) -> str:
    """Give an image in open/app."""
    root = site.pushes("root")
    image = root.image("public", layer=b"public")
    assert root.tag("open/app", "latest", image).status_code == 200
    return image


def test_the_ping_is_open(site: Site) -> None:
    for path in ("/v1/_ping", "/_ping", "/v1/_status", "/"):
        assert site.client().get(path).status_code == 200
        assert site.with_header("Basic !").get(path).status_code == 200


def test_logging_in(site: Site) -> None:
    for path in ("/v1/users/", "/v1/users"):
        assert site.client("nobody").get(path).get_json() == "OK"
        for client in (site.client(), site.with_header(basic("alice", "wrong"))):
            answer = client.get(path)
            refusal(answer, 401)
            assert answer.headers["WWW-Authenticate"] == BASIC


def test_nobody_becomes_a_user(site: Site) -> None:
    account = {"username": "eve", "password": "x", "email": "eve@example.com"}
    created = site.client().post("/v1/users/", json=account)
    # Docker 1.x compares exactly these bytes, and then logs in by GET.
    assert (created.status_code, created.data) == (400, b'"Username or email already exists"')
    assert site.with_header(basic("eve", "x")).get("/v1/users/").status_code == 401
    for user in ("alice", "root"):
        assert refusal(site.client(user).put("/v1/users/alice/", json=account), 403)
    assert site.client().put("/v1/users/alice/", json=account).status_code in (401, 403)
    assert site.client("alice").get("/v1/users/").status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        basic("alice", "wrong"),
        basic("nosuch"),
        "Basic !",
        "Token",
        "Token x",
        'Token signature=0123456789ABCDEF,repository="team-a/app",access=write',
        "Bearer x",
        "Digest x",
    ],
)
def test_credentials_that_are_not_good(site: Site, secret: str, header: str) -> None:
    client = site.with_header(header)
    for path in (f"/v1/repositories/{A}/tags", f"/v1/images/{secret}/json", "/v1/search?q="):
        answer = client.get(path)
        refusal(answer, 401)
        assert answer.headers["WWW-Authenticate"].split()[0] in ("Basic", "Bearer")


def test_docker_without_a_login_sends_an_empty_password(site: Site, public: str) -> None:
    client = site.with_header("Basic Og==")
    assert client.get("/v1/repositories/open/app/tags").get_json() == {"latest": public}
    assert client.get(f"/v1/images/{public}/layer").data == b"public"
    refusal(client.get(f"/v1/repositories/{A}/tags"), 401)
    refusal(client.get("/v1/users/"), 401)


#: What is asked of team-a/app, and by whom it may be.
PULL, PUSH, DELETE = (
    {"root", "auditor", "alice", "reader"},
    {"root", "alice"},
    {"root", "alice"},
)
ROUTES = [
    ("PUT", "/v1/repositories/{name}/", "[]", PUSH),
    ("DELETE", "/v1/repositories/{name}/", "", DELETE),
    ("GET", "/v1/repositories/{name}/images", "", PULL),
    ("PUT", "/v1/repositories/{name}/images", "[]", PUSH),
    ("DELETE", "/v1/repositories/{name}/images", "", DELETE),
    ("PUT", "/v1/repositories/{name}/auth", "", PUSH),
    ("GET", "/v1/repositories/{name}/json", "", PULL),
    ("GET", "/v1/repositories/{name}/properties", "", PULL),
    ("PUT", "/v1/repositories/{name}/properties", '{"access": "public"}', PUSH),
    ("GET", "/v1/repositories/{name}/tags", "", PULL),
    ("DELETE", "/v1/repositories/{name}/tags", "", DELETE),
    ("GET", "/v1/repositories/{name}/tags/latest", "", PULL),
    ("PUT", "/v1/repositories/{name}/tags/latest", '"{image}"', PUSH),
    ("DELETE", "/v1/repositories/{name}/tags/latest", "", DELETE),
    ("GET", "/v1/repositories/{name}/tags/latest/json", "", PULL),
    ("GET", "/v1/images/{image}/json", "", PULL),
    ("GET", "/v1/images/{image}/ancestry", "", PULL),
    ("GET", "/v1/images/{image}/layer", "", PULL),
]


@pytest.mark.parametrize("user", ["root", "auditor", "alice", "reader", "bob", "nobody", ANONYMOUS])
def test_who_may(site: Site, secret: str, user: str) -> None:
    alice, client = site.pushes("alice"), site.client(user)
    for method, path, body, allowed in ROUTES:
        alice.client.put(f"/v1/repositories/{A}/", data="[]")
        alice.tag(A, "latest", secret)
        address = path.replace("{name}", A).replace("{image}", secret)
        answer = client.open(address, method=method, data=body.replace("{image}", secret))
        if user in allowed:
            assert answer.status_code in (200, 204), (method, address, answer.data)
        elif user == ANONYMOUS:
            refusal(answer, 401)
            assert answer.headers["WWW-Authenticate"] == BASIC
        else:
            refusal(answer, 404 if path.startswith("/v1/images/") else 403)


def test_a_repository_that_is_not_there_looks_like_one_that_is(site: Site, secret: str) -> None:
    bob = site.client("bob")
    for path in ("tags", "images", "tags/latest", "json"):
        there = bob.get(f"/v1/repositories/{A}/{path}")
        absent = bob.get(f"/v1/repositories/team-a/nothing/{path}")
        assert (there.status_code, absent.status_code) == (403, 403)
    image = bob.get(f"/v1/images/{secret}/json")
    absent = bob.get(f"/v1/images/{image_id('nothing')}/json")
    assert (image.status_code, image.data) == (absent.status_code, absent.data)


def test_library_is_no_way_around(site: Site) -> None:
    """``library/busybox`` of V1 is what ``busybox`` is today, for the rules too."""
    bob, image = site.pushes("bob"), None
    image = bob.image("box")
    for name in ("busybox", "library/busybox"):
        assert bob.tag(name, "latest", image).status_code == 200
        assert bob.client.get(f"/v1/repositories/{name}/tags").status_code == 200
        refusal(site.client("alice").get(f"/v1/repositories/{name}/tags"), 403)
    refusal(bob.tag("library/a/b", "latest", image), 403)


@pytest.mark.parametrize("name", ["Team-A/App", "team-a/App", "team-a/x%20y", "library/a--b__c_-d"])
def test_names_that_are_none_today_are_for_those_who_may_everything(site: Site, name: str) -> None:
    root = site.pushes("root")
    image = root.image("odd")
    assert root.tag(name, "latest", image).status_code == 200
    tags = f"/v1/repositories/{name}/tags"
    assert site.client("auditor").get(tags).get_json() == {"latest": image}
    for user in ("alice", "bob"):
        refusal(site.pushes(user).tag(name, "x", image), 403)
        refusal(site.client(user).get(tags), 403)
        refusal(site.client(user).get(f"/v1/images/{image}/layer"), 404)
    refusal(site.client("auditor").delete(tags), 403)
    refusal(site.client().get(tags), 401)
    assert root.client.delete(tags).status_code == 200


class TestTokens:
    """V1's own tokens."""

    def test_push_and_pull(self, site: Site, secret: str) -> None:
        token = site.token("alice", A)
        pushes = V1Pushes(site.with_header(token))
        image = pushes.image("mine", secret, b"mine")
        assert pushes.tag(A, "mine", image).status_code == 200
        reader = site.with_header(site.token("reader", A, "read"))
        tags = reader.get(f"/v1/repositories/{A}/tags").get_json()
        ancestry = reader.get(f"/v1/images/{tags['mine']}/ancestry").get_json()
        assert ancestry == [image, secret, image_id("base")]
        for one in ancestry:
            assert reader.get(f"/v1/images/{one}/json").status_code == 200
            assert reader.get(f"/v1/images/{one}/layer").status_code == 200

    def test_what_docker_makes_of_it(self, site: Site, secret: str) -> None:
        token = site.token("alice", A)
        assert token.startswith("Token signature=")
        for header in (f"Token {token}", token.replace(",", ", "), token.replace("Token", "token")):
            assert site.with_header(header).get(f"/v1/repositories/{A}/tags").status_code == 200

    def test_what_a_token_is_for(self, site: Site, secret: str) -> None:
        site.client("alice").put(f"/v1/repositories/{A}/", data="[]")
        read, delete = (site.with_header(site.token("alice", A, one)) for one in ("read", "delete"))
        refusal(V1Pushes(read).tag(A, "latest", secret), 401)
        refusal(V1Pushes(read).json(image_id("new"), V1Pushes.document(image_id("new"))), 401)
        refusal(read.delete(f"/v1/repositories/{A}/tags/latest"), 401)
        refusal(delete.get(f"/v1/repositories/{A}/tags"), 401)
        assert delete.delete(f"/v1/repositories/{A}/").status_code == 200

    def test_it_is_for_one_repository(self, site: Site, secret: str, public: str) -> None:
        site.client("alice").put("/v1/repositories/team-a/other/", data="[]")
        other = site.with_header(site.token("alice", "team-a/other"))
        refusal(other.get(f"/v1/repositories/{A}/tags"), 401)
        refusal(other.put(f"/v1/repositories/{A}/", data="[]"), 401)
        refusal(V1Pushes(other).tag(A, "x", secret), 401)
        # Though alice has sent the first herself, and a moment ago.
        for image in (secret, public):
            refusal(other.get(f"/v1/images/{image}/json"), 404)
        on_its_way = image_id("on its way")
        site.pushes("alice").json(on_its_way, V1Pushes.document(on_its_way))
        refusal(V1Pushes(other).layer(on_its_way, b"evil"), 409)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (f'"{A}"', '"team-a/other"'),
            ("access=write", "access=delete"),
            ("access=write", "access=read"),
            ("access=write", "access=admin"),
            (",access=write", ""),
            ("signature=", "signature=x"),
            (f'repository="{A}",', ""),
        ],
    )
    def test_what_is_beside_the_signature_agrees(self, site: Site, old: str, new: str) -> None:
        token = site.token("alice", A)
        assert old in token
        refusal(site.with_header(token.replace(old, new)).get(f"/v1/repositories/{A}/tags"), 401)

    def test_a_token_gives_no_longer_one(self, site: Site) -> None:
        token = site.token("alice", A)
        again = site.with_header(token).put(f"/v1/repositories/{A}/images", data="[]")
        assert again.headers["X-Docker-Token"] == token

    def test_it_ends(self, site: Site) -> None:
        tokens = site.app.extensions["docker_registry"].authority.index_tokens
        assert tokens.seconds == index_tokens.INDEX_SECONDS
        tokens.seconds = -LEEWAY - 1
        refusal(site.with_header(site.token("alice", A)).get(f"/v1/repositories/{A}/tags"), 401)

    def test_rules_that_change_count_at_once(self, site: Site, secret: str) -> None:
        token = site.token("alice", A)
        site.app = site.node(policy=[{"who": ["user:bob"], "repositories": "**", "may": ["push"]}])
        client = site.with_header(token)
        refusal(client.get(f"/v1/repositories/{A}/tags"), 401)
        refusal(client.get(f"/v1/images/{secret}/layer"), 404)

    def test_kinds_of_tokens_are_not_taken_for_each_other(self, site: Site) -> None:
        token = site.token("alice", A)
        signature = token.partition("signature=")[2].partition(",")[0]
        assert site.with_header(f"Bearer {signature}").get(f"/v2/{A}/tags/list").status_code == 401
        assert site.with_header(token).get(f"/v2/{A}/tags/list").status_code == 401
        issued = site.app.extensions["docker_registry"].authority.issued
        bearer = site.client("alice").get(
            "/auth/token", query_string={"service": issued.issuer, "scope": f"repository:{A}:pull"}
        )
        taken = bearer.get_json()["token"]
        forged = token.replace(signature, taken).replace("=write", "=read")
        refusal(site.with_header(forged).get(f"/v1/repositories/{A}/tags"), 401)

    def test_another_node_takes_it(self, site: Site, secret: str) -> None:
        token = site.token("alice", A)
        site.app = site.node()
        assert site.with_header(token).get(f"/v1/images/{secret}/layer").data == b"secret"

    def test_where_there_are_none(self, tmp_path) -> None:
        site = Site(tmp_path, tokens={"enabled": False})
        token = site.token("alice", A)
        refusal(site.with_header(token).get(f"/v1/repositories/{A}/tags"), 401)
        assert site.client("alice").get(f"/v1/repositories/{A}/tags").status_code == 200

    def test_of_an_anonymous_client(self, site: Site, public: str) -> None:
        site.client("root").put("/v1/repositories/open/app/", data="[]")
        client = site.with_header(site.token(ANONYMOUS, "open/app", "read"))
        assert client.get("/v1/repositories/open/app/tags").get_json() == {"latest": public}
        assert client.get(f"/v1/images/{public}/layer").data == b"public"


class TestBearerTokens:
    """Tokens of today work for V1 as well."""

    def bearer(self, site: Site, user: str, *scopes: str) -> str:
        query = {"service": "docker-registry", "scope": list(scopes)}
        answer = site.client(user).get("/auth/token", query_string=query)
        return f"Bearer {answer.get_json()['token']}"

    def test_pull(self, site: Site, secret: str) -> None:
        client = site.with_header(self.bearer(site, "reader", f"repository:{A}:pull"))
        assert client.get(f"/v1/repositories/{A}/tags").get_json() == {"latest": secret}
        assert client.get(f"/v1/images/{secret}/layer").data == b"secret"

    def test_a_token_for_listing_is_none_for_images(self, site: Site, secret: str) -> None:
        client = site.with_header(self.bearer(site, "root", "registry:catalog:*"))
        refusal(client.get(f"/v1/images/{secret}/layer"), 404)
        answer = client.get(f"/v1/repositories/{A}/tags")
        refusal(answer, 401)
        assert f'scope="repository:{A}:pull"' in answer.headers["WWW-Authenticate"]

    def test_search(self, tmp_path) -> None:
        index = f"sqlite:///{tmp_path}/index.db"
        search = {"search_backend": "sqlalchemy", "sqlalchemy_index_database": index}
        site = Site(tmp_path, **search)
        scope = "registry:catalog:search"
        assert site.client("alice").get("/v1/search?q=").status_code == 200
        found = site.with_header(self.bearer(site, "alice", scope)).get("/v1/search?q=")
        assert found.status_code == 200
        refusal(site.with_header(self.bearer(site, "alice")).get("/v1/search?q="), 401)
        rules = [{"who": ["user:bob"], "repositories": "x", "may": ["pull"]}]
        site.app = site.node(policy=rules, **search)
        answer = site.client().get("/v1/search?q=")
        refusal(answer, 401)
        assert answer.headers["WWW-Authenticate"] == BASIC


class TestAttacks:
    """Of bob, who may push to team-b/app, on what alice has in team-a/app.

    Each knows all ids and checksums.
    """

    @pytest.fixture(params=["basic", "token"])
    def bob(self, request: pytest.FixtureRequest, site: Site, secret: str) -> V1Pushes:
        if request.param == "basic":
            return site.pushes("bob")
        return V1Pushes(site.with_header(site.token("bob", "team-b/app")))

    def sees_nothing(self, pushes: V1Pushes, image: str) -> None:
        for what in ("json", "layer", "ancestry", "files", "diff"):
            for headers in ({}, {"If-None-Match": f'"{image}"'}, {"Range": "bytes=0-1"}):
                answer = pushes.client.get(f"/v1/images/{image}/{what}", headers=headers)
                assert refusal(answer, 404) == "Image not found"
            assert pushes.client.head(f"/v1/images/{image}/{what}").status_code == 404

    def test_to_pull_by_id(self, bob: V1Pushes, secret: str) -> None:
        self.sees_nothing(bob, secret)
        self.sees_nothing(bob, image_id("base"))

    def test_to_tag_it(self, bob: V1Pushes, secret: str) -> None:
        assert refusal(bob.tag("team-b/app", "stolen", secret), 404) == "Image not found"
        self.sees_nothing(bob, secret)

    def test_to_list_it(self, bob: V1Pushes, secret: str) -> None:
        said = json.dumps([{"id": secret, "Tag": "stolen", "checksum": "x"}])
        for path in ("", "images"):
            bob.client.put(f"/v1/repositories/team-b/app/{path}", data=said)
        self.sees_nothing(bob, secret)
        refusal(bob.tag("team-b/app", "stolen", secret), 404)

    def test_to_build_on_it(self, bob: V1Pushes, secret: str) -> None:
        mine = image_id("mine")
        answer = bob.json(mine, bob.document(mine, secret))
        absent = bob.json(mine, bob.document(mine, image_id("nothing")))
        assert refusal(answer, 400) == refusal(absent, 400)
        refusal(bob.layer(mine, b"x"), 404)

    def test_to_overwrite_it(self, site: Site, bob: V1Pushes, secret: str) -> None:
        other = json.dumps({"id": secret, "evil": True}).encode()
        refusal(bob.json(secret, other), 409)
        refusal(bob.layer(secret, b"evil"), 404)
        refusal(bob.checksum(secret, payload_checksum(other, b"evil")), 404)
        alice = site.client("alice")
        assert alice.get(f"/v1/images/{secret}/layer").data == b"secret"

    def test_to_show_half_of_it(self, bob: V1Pushes, secret: str) -> None:
        document = bob.document(secret, image_id("base"))
        # The layer alone: many layers are empty.
        refusal(bob.layer(secret, b"secret"), 404)
        # The JSON alone, and the checksum, which was no secret.
        refusal(bob.json(secret, document), 400)
        refusal(bob.checksum(secret, payload_checksum(document, b"secret")), 404)
        self.sees_nothing(bob, secret)
        base = image_id("base")
        assert bob.json(base, bob.document(base)).status_code == 200
        refusal(bob.checksum(base, payload_checksum(bob.document(base), b"base")), 404)
        refusal(bob.layer(base, b"not the base"), 409)
        self.sees_nothing(bob, base)

    def test_to_take_over_a_push(self, site: Site, bob: V1Pushes) -> None:
        image = image_id("on its way")
        document = bob.document(image)
        alice = site.pushes("alice")
        alice.json(image, document)
        refusal(bob.json(image, document), 409)
        refusal(bob.layer(image, b"evil"), 409)
        alice.layer(image, b"alice's")
        refusal(bob.layer(image, b"evil"), 409)
        refusal(bob.checksum(image, payload_checksum(document, b"alice's")), 409)
        self.sees_nothing(bob, image)
        refusal(bob.tag("team-b/app", "stolen", image), 404)
        child = image_id("child")
        refusal(bob.json(child, bob.document(child, image)), 400)
        assert alice.checksum(image, payload_checksum(document, b"alice's")).status_code == 200
        self.sees_nothing(bob, image)

    def test_to_read_it_after_it_was_deleted(self, site: Site, secret: str) -> None:
        reader = site.client("reader")
        reader.get(f"/v1/repositories/{A}/tags")
        assert reader.get(f"/v1/images/{secret}/layer").status_code == 200
        assert site.client("root").delete(f"/v1/repositories/{A}/").status_code == 200
        refusal(reader.get(f"/v1/images/{secret}/layer"), 404)
        refusal(reader.get(f"/v1/images/{image_id('base')}/layer"), 404)

    def test_to_mark_it_public(self, bob: V1Pushes) -> None:
        path = f"/v1/repositories/{A}/properties"
        answer = bob.client.put(path, data='{"access": "public"}')
        assert answer.status_code in (401, 403)


def test_those_who_push_nowhere_begin_nothing(site: Site) -> None:
    image = image_id("x")
    for user in ("reader", "auditor", "nobody"):
        refusal(site.pushes(user).json(image, V1Pushes.document(image)), 403)
        refusal(site.pushes(user).layer(image, b"x"), 403)
        refusal(site.pushes(user).checksum(image, "sha256:00"), 403)
    refusal(site.pushes().json(image, V1Pushes.document(image)), 401)


def test_a_base_that_another_team_has_too(site: Site, secret: str) -> None:
    """Who sends the same bytes may have them: else teams couldn't push what is built on them."""
    bob = site.pushes("bob")
    base = image_id("base")
    assert bob.client.get(f"/v1/images/{base}/json").status_code == 404
    assert bob.image("base", layer=b"base") == base
    mine = bob.image("bob's", base, b"bob's")
    assert bob.tag("team-b/app", "latest", mine).status_code == 200
    assert bob.client.get(f"/v1/images/{base}/layer").data == b"base"
    refusal(bob.client.get(f"/v1/images/{secret}/layer"), 404)


def test_a_layer_that_another_image_has_gives_nothing(site: Site, secret: str) -> None:
    """The same empty layer, and a JSON of its own."""
    alice, bob = site.pushes("alice"), site.pushes("bob")
    theirs = alice.image("env", secret, b"")
    mine = bob.image("mine", layer=b"")
    assert bob.client.get(f"/v1/images/{mine}/json").status_code == 200
    refusal(bob.layer(theirs, b""), 404)
    refusal(bob.client.get(f"/v1/images/{theirs}/json"), 404)


def test_to_have_sent_an_image_is_not_to_have_what_it_is_built_on(site: Site, secret: str) -> None:
    """As bob may, if he was once given the top of an image, and nothing below it."""
    context = site.app.extensions["docker_registry"]
    context.legacy.members.add_pusher(secret, "htpasswd:bob")
    bob = site.pushes("bob")
    refusal(bob.client.get(f"/v1/images/{secret}/json"), 404)
    refusal(bob.tag("team-b/app", "stolen", secret), 404)


def test_images_of_an_old_store_are_had_by_who_asks_for_the_tags(site: Site) -> None:
    """As 0.9 left it, or this registry before there was authentication."""
    open_to_all = site.node(auth=[], policy=[]).test_client()
    old = V1Pushes(open_to_all)
    base = old.image("old base")
    image = old.image("old", base)
    old.tag(A, "latest", image)
    reader = site.client("reader")
    refusal(reader.get(f"/v1/images/{image}/json"), 404)
    assert reader.get(f"/v1/repositories/{A}/tags/latest").get_json() == image
    for one in (base, image):
        assert reader.get(f"/v1/images/{one}/layer").status_code == 200
        refusal(site.client("bob").get(f"/v1/images/{one}/layer"), 404)
        assert site.client("auditor").get(f"/v1/images/{one}/layer").status_code == 200


def test_caches_in_between_keep_nothing_for_others(site: Site, secret: str) -> None:
    answer = site.client("alice").get(f"/v1/images/{secret}/layer")
    assert answer.headers["Cache-Control"].startswith("private")
