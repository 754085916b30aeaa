"""Making block blobs: from a stream, and from other blobs without their bytes coming by here.

A block blob is staged block by block and becomes visible when the list of its blocks is committed.
The blocks that were staged and not committed belong to the name of the blob, not to who staged
them: a commit, and a Put Blob, discards those of everybody else.
https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, ContentSettings

from docker_registry.drivers.azureblob.client import Client
from docker_registry.drivers.azureblob.errors import error_code, storage_errors
from docker_registry.drivers.blocks import cut, in_parallel
from docker_registry.errors import Unavailable

MIB = 1024 * 1024

#: Blocks that one blob may have.
MAX_BLOCKS = 50_000
#: Size of the first blocks. Every 10,000 blocks they grow by as much: 293 GiB fit.
BLOCK_BYTES = 2 * MIB
#: Blocks of a stream that are sent at a time.
STREAMS = 2

#: Size of the blocks that the service copies from another blob; it takes up to 4,000 MiB, but
#: answers only when it has them.
COPY_BYTES = 64 * MIB
#: Such blocks that it copies at a time.
COPIES = 4
#: How often a commit is tried whose blocks others discard by committing the same blob.
COMMITS = 20

_CONTENT = ContentSettings(content_type="application/octet-stream")


@dataclass(frozen=True)
class Source:
    """A blob that another is made of.

    :ivar size: in bytes.
    """

    name: str
    size: int


def stream_blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut a stream into blocks that grow with it."""
    return cut(chunks, (BLOCK_BYTES * (1 + n // 10_000) for n in range(MAX_BLOCKS)))


def put(client: Client, name: str, data: bytes) -> None:
    """Make a blob in one request, replacing any."""
    blob = client.sdk.get_blob_client(name)
    with storage_errors(name):
        try:
            _put(blob, data)
        except HttpResponseError as error:
            _make_way(blob, error)
            _put(blob, data)


def put_stream(client: Client, name: str, chunks: Iterable[bytes]) -> int:
    """Make a blob of a stream, and give its size; of a stream without bytes no blob is made.

    When ``chunks`` raises, no blob is made either, and the service drops the staged blocks after
    a week.

    :param name: one that nobody else uses; see the module.
    """
    blocks = stream_blocks(chunks)
    first = next(blocks, b"")
    if len(first) < BLOCK_BYTES:
        if first:
            put(client, name, first)
        return len(first)
    blob = client.sdk.get_blob_client(name)
    ids: list[str] = []
    sizes: list[int] = []

    def numbered() -> Iterator[tuple[str, bytes]]:
        for block_id, block in zip(_block_ids(), itertools.chain([first], blocks), strict=False):
            ids.append(block_id)
            sizes.append(len(block))
            yield block_id, block

    def stage(block: tuple[str, bytes]) -> None:
        with storage_errors(name):
            blob.stage_block(*block, validate_content="md5")

    in_parallel(stage, numbered(), STREAMS)
    with storage_errors(name):
        _commit(blob, ids)
    return sum(sizes)


def join(client: Client, sources: Sequence[Source], name: str) -> None:
    """Make a blob of the bytes of others, replacing any; the service copies them.

    Others may make the same blob at the same time: whose blocks are discarded stages them again.

    :raises PathNotFound: a source is gone.
    """
    blob = client.sdk.get_blob_client(name)
    with storage_errors(name):
        for _ in range(COMMITS):
            try:
                _commit(blob, _stage_sources(client, blob, sources))
            except HttpResponseError as error:
                if error_code(error) not in {"InvalidBlockList", "InvalidBlobOrBlock"}:
                    _make_way(blob, error)
            else:
                return
    raise Unavailable(f"{name}: others made it {COMMITS} times in a row meanwhile")


def _stage_sources(client: Client, blob: BlobClient, sources: Sequence[Source]) -> list[str]:
    copies = [
        (block_id, client.source_url(source.name), start, min(COPY_BYTES, source.size - start))
        for block_id, (source, start) in zip(
            _block_ids(),
            ((source, start) for source in sources for start in range(0, source.size, COPY_BYTES)),
            strict=False,
        )
    ]
    in_parallel(lambda copy: _stage_copy(blob, *copy), copies, COPIES)
    return [copy[0] for copy in copies]


def _stage_copy(blob: BlobClient, block_id: str, url: str, start: int, length: int) -> None:
    blob.stage_block_from_url(block_id, url, source_offset=start, source_length=length)


def _put(blob: BlobClient, data: bytes) -> None:
    blob.upload_blob(data, overwrite=True, validate_content="md5", content_settings=_CONTENT)


def _commit(blob: BlobClient, ids: Iterable[str]) -> None:
    blocks = [BlobBlock(block_id) for block_id in ids]
    blob.commit_block_list(blocks, content_settings=_CONTENT)


def _make_way(blob: BlobClient, error: HttpResponseError) -> None:
    """Delete what can't be replaced, or raise the error again where that isn't the matter.

    CNCF Distribution stores append blobs, and the service doesn't turn one into a block blob.
    """
    if error_code(error) != "InvalidBlobType":
        raise error
    with suppress(ResourceNotFoundError):
        blob.delete_blob(delete_snapshots="include")


def _block_ids() -> Iterator[str]:
    """Give ids of one length, as a blob's must be, that nobody else chooses."""
    writer = uuid.uuid4().hex
    for number in itertools.count():
        yield f"{writer}-{number:06}"
