"""Blocks of seals into the database, each chain one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, text, update

from app.models import SampleSeal, SealHead
from telemetry.sealing import FORMAT, NO_HASH, Block, BlockContent, chained

#: Makes or locks the chain's head: until the end of the transaction nobody else continues this chain.
_RESERVE = text(
    """
    INSERT INTO seal_heads (chain, number, hash) VALUES (:chain, :count, :no_hash)
    ON CONFLICT (chain) DO UPDATE SET number = seal_heads.number + excluded.number
    RETURNING number, hash
    """
)
_INSERT = insert(SampleSeal)
_RAISE = update(SealHead).where(SealHead.chain == bindparam("of")).values(hash=bindparam("newest"))


def write_seals(
    connection: Connection,
    chain: str,
    contents: Sequence[BlockContent],
    *,
    sealed_at_ms: int,
    version: int = FORMAT,
) -> None:
    """Continue a chain by one block for each content, in the transaction that stores the samples."""
    if not contents:
        return
    bound = {"chain": chain, "count": len(contents), "no_hash": NO_HASH}
    number, previous = connection.execute(_RESERVE, bound).one()
    blocks = list(
        chained(
            contents,
            chain=chain,
            after=number - len(contents),
            previous_hash=bytes(previous),
            sealed_at_ms=sealed_at_ms,
            version=version,
        )
    )
    connection.execute(_INSERT, [_row(block) for block in blocks])
    connection.execute(_RAISE, {"of": chain, "newest": blocks[-1].hash})


def _row(block: Block) -> dict[str, object]:
    return {
        "chain": block.chain,
        "number": block.number,
        "format": block.version,
        "sealed_at_ms": block.sealed_at_ms,
        "first_ms": block.content.first_ms,
        "sample_count": block.content.count,
        "keys": block.content.keys,
        "digests": block.content.digests,
        "previous_hash": block.previous_hash,
        "hash": block.hash,
    }
