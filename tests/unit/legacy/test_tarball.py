from __future__ import annotations

import tarfile
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.errors import LayerInvalid, Unavailable
from docker_registry.legacy import tarball
from docker_registry.legacy.tarball import HEADER_BYTES, files, members
from tests.unit.legacy.tars import COMPRESS, member, raw, tar

MIB = 1024 * 1024
END = bytes(1024)


def names(data: bytes) -> list[str]:
    return [entry[0] for entry in files([data])]


def refused(*chunks: bytes) -> str:
    with pytest.raises(LayerInvalid) as caught:
        list(files(chunks))
    assert str(caught.value).startswith("Layer format not supported: ")
    return str(caught.value)


@pytest.mark.parametrize("name", COMPRESS)
def test_the_eight_facts(name):
    times = {"mtime": 1400000000, "uid": 7, "gid": 8}
    data = tar(
        member(".", tarfile.DIRTYPE, mode=0o755, **times),
        (member("./etc/passwd", mode=0o644, **times), b"root"),
        member("/abs", tarfile.DIRTYPE, mode=0o1777, **times),
        member("no-dot", mode=0o600, **times),
    )
    assert list(files([COMPRESS[name](data)])) == [
        ("/", "d", False, 0, 1400000000, 0o755, 7, 8),
        ("/etc/passwd", "f", False, 4, 1400000000, 0o644, 7, 8),
        ("/abs", "d", False, 0, 1400000000, 0o1777, 7, 8),
        ("/no-dot", "f", False, 0, 1400000000, 0o600, 7, 8),
    ]


@pytest.mark.parametrize(
    ("kind", "letter"),
    [
        (tarfile.REGTYPE, "f"),
        (tarfile.AREGTYPE, "f"),
        (tarfile.LNKTYPE, "l"),
        (tarfile.SYMTYPE, "s"),
        (tarfile.CHRTYPE, "c"),
        (tarfile.BLKTYPE, "b"),
        (tarfile.DIRTYPE, "d"),
        (tarfile.FIFOTYPE, "i"),
        (tarfile.CONTTYPE, "t"),
        (b"Q", "u"),
    ],
)
def test_letters(kind, letter):
    (entry,) = files([raw(member("x", kind)) + END])
    assert entry[1] == letter


def test_whiteouts_at_any_depth():
    data = tar(
        member("./.wh.top"),
        member("./a/b/.wh.deep"),
        member("other/.wh.x"),
        member("./a/.wh..wh..opq"),
        member("./.wh..wh.plnk/1.2"),
        member("./.wh..wh.aufs"),
        member("./a/what.wh.not"),
    )
    assert [(entry[0], entry[2]) for entry in files([data])] == [
        ("/top", True),
        ("/a/b/deep", True),
        ("/other/x", True),
        ("/a/what.wh.not", False),
    ]


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [b""],
        [bytes(1024)],
        [bytes(10240)],
        *([pack(b"")] for pack in COMPRESS.values()),
        *([pack(END)] for pack in COMPRESS.values()),
    ],
)
def test_empty_layers(chunks):
    assert list(files(chunks)) == []


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_strange_names(form):
    long = "/".join(["d" * 100] * 20)
    assert names(tar(member(long), member("ü/\udcff"), form=form)) == [f"/{long}", "/ü/\ufffd"]


def test_what_is_behind_a_large_file_is_found_without_keeping_it():
    def chunks():
        yield raw(member("big", size=256 * MIB))
        yield from (bytes(MIB) for _ in range(256))
        yield raw(member("behind")) + END

    tracemalloc.start()
    try:
        assert [entry[0] for entry in files(chunks())] == ["/big", "/behind"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def test_many_members_take_little_memory():
    block = raw(member("a-name"))
    tracemalloc.start()
    try:
        count = sum(1 for _ in files([block * 4_000, END]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 4_000
    assert peak < 3 * MIB  # Of which the archive itself takes 2.


@pytest.mark.parametrize("cut", [1, 511, 512 * 3 - 1])
def test_content_in_any_chunks(cut):
    data = tar((member("a"), b"x" * 1000), (member("b"), b"y" * 5000), member("c"))
    chunks = [data[start : start + cut] for start in range(0, len(data), cut)]
    found = {one.header.name: b"".join(one.content()) for one in members(chunks)}
    assert found == {"a": b"x" * 1000, "b": b"y" * 5000, "c": b""}


# What is no archive, or a damaged one


@pytest.mark.parametrize("data", [b"text", b"x" * 512, b"x" * 100_000, b"\0" * 100 + b"x" * 1000])
def test_no_archive(data):
    refused(data)


def test_an_archive_that_is_cut_off():
    whole = tar((member("a"), b"x" * 5000), (member("b"), b"y" * 5000))
    for end in (100, 600, 5000, 6000, 6200, 8000, 11000):
        refused(whole[:end])


def test_a_damaged_header_in_the_middle():
    data = bytearray(tar((member("a"), b"x" * 512), member("b")))
    data[1024] ^= 1
    assert "no header at byte 1024" in refused(bytes(data))


def test_an_archive_without_its_end():
    assert names(raw(member("a"))) == ["/a"]


# What is made to do harm


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, b"x", b"g"])
def test_a_header_of_gigabytes(kind):
    taken = 0

    def chunks():
        nonlocal taken
        yield raw(member("x", kind, size=4 * 1024 * MIB))
        while True:
            taken += MIB
            yield b"1" * MIB

    with pytest.raises(LayerInvalid, match=f"a header has more than {HEADER_BYTES} bytes"):
        list(files(chunks()))
    assert taken <= MIB


def test_headers_of_headers():
    refused(raw(member("x", tarfile.GNUTYPE_LONGNAME)) * 100_000)
    refused(raw(member("x", b"x")) * 100_000)


def test_a_sparse_map_without_end():
    block = bytearray(raw(member("x", tarfile.GNUTYPE_SPARSE)))
    block[482] = 1
    checksum = sum(block[:148]) + sum(block[156:512]) + 8 * 32
    block[148:156] = b"%06o\0 " % checksum
    more = (b"%011o\0" % 1) * 42
    refused(bytes(block) + (more + b"\1" + bytes(7)) * 10_000)


def test_a_sparse_map_of_numbers_without_end():
    records = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    header = raw(member("x", b"x", size=len(records)), records)
    refused(header + raw(member("s")) + b"9999999999\n" + b"1\n" * 200_000)
    refused(header + raw(member("s")) + b"9" * 200_000)


def test_a_sparse_file_has_no_content_for_us():
    records = b"28 GNU.sparse.map=0,1,2,1\n".replace(b"28", b"26") + b"23 GNU.sparse.size=900\n"
    data = raw(member("x", b"x", size=len(records)), records) + raw(member("s", size=2), b"ab")
    (one,) = members([data + END])
    assert one.header.size == 900
    with pytest.raises(LayerInvalid, match="sparse"):
        list(one.content())


def test_global_headers_that_add_up():
    def chunks():
        for number in range(1000):
            record = b"%05d k%05d=%s\n" % (60_000, number, b"v" * (60_000 - 14))
            yield raw(member("g", b"g", size=len(record)), record)
            yield raw(member("file"))

    with pytest.raises(LayerInvalid, match="global headers"):
        list(files(chunks()))


@pytest.mark.parametrize(
    "record",
    [
        b"size=-1",
        b"size=-100000",
        b"size=1" + b"0" * 4000,
        b"mtime=nan",
        b"mtime=1e999",
        b"GNU.sparse.map=x",
        b"GNU.sparse.size=" + b"9" * 5000,
        b"GNU.sparse.size=-5",
    ],
)
def test_hostile_numbers(record):
    length = len(record) + 2
    while len(b"%d " % length) + len(record) + 1 != length:
        length += 1
    record = b"%d %s\n" % (length, record)
    refused(raw(member("x", b"x", size=len(record)), record) + raw(member("f")) + END)


def test_a_negative_size():
    block = bytearray(raw(member("x")))
    block[124:136] = (-512 % 2**96).to_bytes(12, "big")
    checksum = sum(block[:148]) + sum(block[156:512]) + 8 * 32
    block[148:156] = b"%06o\0 " % checksum
    refused(bytes(block) * 2 + END)


def test_no_header_takes_long():
    """Some releases of tarfile take a time that grows with the square of a header."""
    digits = b"1" * 60_000
    began = time.monotonic()
    for payload in (
        digits,
        b"23 GNU.sparse.size=10\n" + digits,
        b"1 " * 30_000,
        b"5 a=\n" * 12_000,
    ):
        try:
            list(files([raw(member("x", b"x", size=len(payload)), payload), raw(member("f")), END]))
        except LayerInvalid:
            continue
    assert time.monotonic() - began < 2


def test_too_many_members(monkeypatch):
    monkeypatch.setattr(tarball, "MEMBERS", 10)
    assert len(names(tar(*(member(str(n)) for n in range(10))))) == 10
    assert "more than 10 files" in refused(tar(*(member(str(n)) for n in range(11))))


def test_too_long_names(monkeypatch):
    monkeypatch.setattr(tarball, "NAMES_BYTES", 1000)
    refused(tar(*(member("n" * 90) for _ in range(12))))


def test_names_that_would_lead_out_are_only_text():
    assert names(tar(member("../../etc/passwd"), member("/../x"))) == ["/../../etc/passwd", "/../x"]


@given(st.binary(max_size=2000))
def test_any_bytes_end_in_a_list_or_a_clear_error(data):
    try:
        list(files([data]))
    except LayerInvalid as error:
        assert str(error).startswith("Layer format not supported: ")


@given(st.data())
def test_any_damage_ends_in_a_list_or_a_clear_error(data):
    archive = bytearray(tar(member("a" * 200), (member("b", mtime=1.5), b"x" * 600), member("c")))
    for _ in range(data.draw(st.integers(1, 5))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    try:
        list(files([bytes(archive)]))
    except LayerInvalid as error:
        assert str(error).startswith("Layer format not supported: ")


def test_errors_of_the_source_pass_through():
    def broken():
        yield raw(member("a", size=5000))
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        list(files(broken()))
