from __future__ import annotations

import hashlib
import tarfile

import pytest

from docker_registry.errors import LayerInvalid
from docker_registry.legacy.checksums import PayloadChecksum, payload_checksum, tarsum
from tests.unit.legacy.tars import COMPRESS, member, tar

JSON = b'{"id": "0123456789abcdef"}'


def hexdigest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_of_the_payload():
    wanted = "sha256:" + hexdigest(JSON + b"\n" + b"layer")
    assert payload_checksum(JSON, [b"lay", b"er"]) == wanted
    checksum = PayloadChecksum(JSON)
    assert list(checksum.watch([b"lay", b"er"])) == [b"lay", b"er"]
    assert checksum.value() == wanted


def test_of_the_payload_without_a_layer():
    assert payload_checksum(JSON, []) == "sha256:" + hexdigest(JSON + b"\n")


FILE = (
    "namea/bmode420uid1gid2size5mtime1400000000typeflag0linkname"
    "unamerootgnamewheeldevmajor0devminor0"
)
DIRECTORY = "namea/mode493uid0gid0size0mtime0typeflag5linknameunamegnamedevmajor0devminor0"
LINK = "namelmode511uid0gid0size0mtime0typeflag2linknamea/bunamegnamedevmajor0devminor0"


@pytest.mark.parametrize("name", COMPRESS)
def test_tarsum(name):
    facts = {"mode": 0o644, "uid": 1, "gid": 2, "mtime": 1400000000, "uname": "root"}
    archive = [
        member("a", tarfile.DIRTYPE, mode=0o755),
        (member("a/b", gname="wheel", **facts), b"12345"),
        member("l", tarfile.SYMTYPE, mode=0o777, linkname="a/b"),
    ]
    sums = sorted(
        [
            hexdigest(DIRECTORY.encode()),
            hexdigest(FILE.encode() + b"12345"),
            hexdigest(LINK.encode()),
        ]
    )
    wanted = "tarsum+sha256:" + hexdigest(JSON + "".join(sums).encode())
    assert tarsum(JSON, [COMPRESS[name](tar(*archive))]) == wanted
    # The order of files doesn't matter.
    assert tarsum(JSON, [COMPRESS[name](tar(*reversed(archive)))]) == wanted


def test_tarsum_of_an_empty_layer():
    assert tarsum(JSON, []) == "tarsum+sha256:" + hexdigest(JSON)


def test_tarsum_of_names_that_are_no_utf_8():
    data = tar(member("\udcff", mode=0), form=tarfile.GNU_FORMAT)
    text = b"name\xffmode0uid0gid0size0mtime0typeflag0linknameunamegnamedevmajor0devminor0"
    assert tarsum(JSON, [data]) == "tarsum+sha256:" + hexdigest(JSON + hexdigest(text).encode())


def test_tarsum_of_what_is_no_archive():
    with pytest.raises(LayerInvalid):
        tarsum(JSON, [b"text"])
