"""Checks an evidence bundle of Pilotage. Needs Python 3.8 or later, and nothing else.

    python verify.py BUNDLE.zip
    python verify.py                      (beside the unpacked files)
    python verify.py BUNDLE.zip --expect NUMBER:HASH --sha256 HASH

It checks every file against the manifest, every sample against its seal, every seal against its chain, and the
chains against the entries of the audit log that name their heads. It names whatever was altered, and ends with
status 1 then. --expect demands that the audit log's entry of this number, written down elsewhere, is the one that
anchors this bundle; --sha256 that the bundle is the one that the platform's record names.

Take this file from the publisher of Pilotage if you do not trust the one inside of the bundle: they are the same.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import io
import json
import math
import struct
import sys
import zipfile
import zlib
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, Mapping, Sequence, Tuple  # noqa: UP035 -- Python 3.8

FORMAT = "pilotage-evidence"
VERSION = 1
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
SAMPLES, AUDIT = "data/samples.json", "data/audit.json"
BLOCKS, ANCHORS = "seals/blocks.jsonl", "seals/anchors.json"

#: What of a sample is sealed, in this order: whole numbers, reals, texts.
WHOLES = (
    "timestamp_ms",
    "vehicle",
    "seq",
    "received_ms",
    "altitude_datum",
    "mode",
    "safety_officer",
    "officer_load",
    "passengers",
    "verdict",
    "undecided",
    "late",
    "zone_revision",
    "permit_revision",
    "generation",
    "proximity",
)
REALS = (
    "lon",
    "lat",
    "altitude_m",
    "heading_deg",
    "speed_mps",
    "horizontal_accuracy_m",
    "vertical_accuracy_m",
    "vertical_speed_mps",
    "acceleration_mps2",
    "battery_percent",
)
TEXTS = ("officer_id", "faults")
NEWEST_FORMAT = 2
#: Whole numbers that came with a format, each with what samples have there that were sealed before.
ADDED: Mapping[int, Mapping[str, int]] = {2: {"proximity": -1}}
DIGEST_BYTES, KEY_BYTES = 16, 24
#: The fields of an audit entry that its hash covers.
AUDITED = (
    "number",
    "recorded_at_ms",
    "actor_id",
    "actor",
    "action",
    "subject_type",
    "subject_id",
    "reason",
    "before",
    "after",
    "previous_hash",
)
ANCHORED = "seal.anchored"

Key = Tuple[int, int, int]  # noqa: UP006 -- Python 3.8
Values = Dict[str, Any]  # noqa: UP006 -- Python 3.8
#: A sealed sample: its digest, and the block that says so.
Seal = Tuple[bytes, int, str]  # noqa: UP006 -- Python 3.8

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 -- Python 3.8
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_ZIP_VERSION, _STORED, _MIDNIGHT, _NEW_YEAR_1980, _ENCRYPTED = 20, 0, 0, 33, 1


class Unreadable(Exception):
    """Something is not what a bundle has there."""


class NoBundle(Unreadable):
    """This is something else than a bundle as it was handed out: there is nothing to be checked."""


def packed(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A ZIP archive of these files in this order, not compressed: the same files always give the same bytes."""
    body, directory, count = io.BytesIO(), io.BytesIO(), 0
    for name, content in files:
        count += 1
        offset, encoded = body.tell(), name.encode("ascii")
        told = (_STORED, _MIDNIGHT, _NEW_YEAR_1980, zlib.crc32(content), len(content), len(content), len(encoded))
        body.write(_LOCAL.pack(b"PK\x03\x04", _ZIP_VERSION, 0, *told, 0) + encoded + content)
        entry = (b"PK\x01\x02", _ZIP_VERSION, _ZIP_VERSION, 0, *told, 0, 0, 0, 0, 0, offset)
        directory.write(_CENTRAL.pack(*entry) + encoded)
    index, size = directory.getvalue(), body.tell()
    return body.getvalue() + index + _END.pack(b"PK\x05\x06", 0, 0, count, count, len(index), size, 0)


def sums(files: Mapping[str, bytes]) -> bytes:
    """What SHA256SUMS says of these files: `sha256sum -c SHA256SUMS` checks them."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode()


def digest_of(values: Mapping[str, Any], sealed_format: int) -> bytes:
    """The digest of a sample, as a seal of this format has it. Raises Unreadable for what cannot be a sample."""
    if not 1 <= sealed_format <= NEWEST_FORMAT:
        raise Unreadable(f"seals of format {sealed_format} are not known to this program")
    later = {name: value for since, added in ADDED.items() if since > sealed_format for name, value in added.items()}
    wholes = [name for name in WHOLES if name not in later]
    try:
        if any(values[name] != value for name, value in later.items()):
            raise Unreadable(f"no sample of format {sealed_format}")
        encoded = [None if values[name] is None else values[name].encode() for name in TEXTS]
        lengths = [-1 if text is None else len(text) for text in encoded]
        numbers = [values[name] for name in wholes]
        form = f"<{1 + len(wholes)}q{len(REALS)}d{len(TEXTS)}q"
        fixed = struct.pack(form, sealed_format, *numbers, *(_real(values[name]) for name in REALS), *lengths)
    except (AttributeError, KeyError, TypeError, ValueError, struct.error) as error:
        raise Unreadable("no sample") from error
    return hashlib.sha256(fixed + b"".join(text for text in encoded if text is not None)).digest()[:DIGEST_BYTES]


def faults_in(bundle: bytes) -> list[str]:
    """Everything that is wrong with a bundle's ZIP archive, each naming the file, the sample or the block."""
    try:
        files = _unpacked(bundle)
    except Unreadable as error:
        return [str(error)]
    found = faults_of(files)
    if not found and packed(files.items()) != bundle:
        found.append("the archive was altered outside of the files in it")
    return found


def faults_of(files: Mapping[str, bytes]) -> list[str]:
    """The same of the unpacked files by name."""
    found: list[str] = []
    try:
        manifest = _manifest(files)
    except Unreadable as error:
        return [str(error)]
    found += _file_faults(files, manifest)
    blocks = _Blocks(found, files)
    blocks.check()
    found += _sample_faults(files, blocks, _Scope.of(manifest))
    if AUDIT in files:
        _audit_faults(found, files, AUDIT)
    return found


# --- files ----------------------------------------------------------------------------------


def _unpacked(bundle: bytes) -> dict[str, bytes]:
    """The files in the archive, in its order; their bytes as they are, whatever checksums say."""
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OverflowError, UnicodeDecodeError, ValueError, struct.error):
        if not bundle.startswith(b"PK"):
            raise NoBundle("this is no ZIP archive, so no evidence bundle") from None
        raise Unreadable("the archive is damaged: it cannot be opened") from None
    _require_bundle({entry.filename for entry in entries}, "archive")
    files: dict[str, bytes] = {}
    for entry in entries:
        _require_plain(entry)
        start = entry.header_offset + _LOCAL.size
        if entry.filename in files:
            raise Unreadable(f"{entry.filename} is in the archive twice")
        lengths = struct.unpack("<HH", bundle[start - 4 : start].ljust(4, b"\0"))
        files[entry.filename] = bundle[start + sum(lengths) :][: entry.file_size]
    return files


def _require_bundle(names: Iterable[str], where: str) -> None:
    """At least one of the files that every bundle has lies where it belongs."""
    found = set(names)
    if not found:
        raise NoBundle(f"the {where} is empty")
    if not found & {MANIFEST, SUMS, SAMPLES, BLOCKS}:
        inner = {name.rpartition("/")[0] for name in found if name.endswith(f"/{MANIFEST}")}
        hint = f": the bundle is in its folder {min(inner)}, check that" if inner else ""
        raise NoBundle(f"this {where} is no evidence bundle{hint}")


def _require_plain(entry: zipfile.ZipInfo) -> None:
    """A bundle's files are neither encrypted nor compressed, and lie in its folder."""
    if entry.filename.startswith("/") or "\\" in entry.filename or ".." in entry.filename.split("/"):
        raise Unreadable(f"{entry.filename} lies outside of the bundle: do not unpack this archive")
    if entry.flag_bits & _ENCRYPTED:
        raise NoBundle("the archive is encrypted: unpack it with its password, and check the folder")
    if entry.compress_type != _STORED:
        raise NoBundle("the archive was packed anew, compressed: unpack it, and check the folder")


def _manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    manifest: dict[str, Any] = _parsed(files, MANIFEST, dict)
    if manifest.get("format") != FORMAT:
        raise Unreadable(f"{MANIFEST} was altered: this is no evidence bundle")
    if manifest.get("version") != VERSION:
        raise Unreadable(f"a bundle of version {manifest.get('version')} needs a later verify.py")
    try:
        _Scope.of(manifest)
        is_readable = isinstance(manifest["files"], dict)
    except (AttributeError, KeyError, TypeError, ValueError):
        is_readable = False
    if not is_readable:
        raise Unreadable(f"{MANIFEST} was altered: it cannot be read")
    return manifest


def _file_faults(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> Iterator[str]:
    listed = manifest["files"]
    for name in sorted(set(listed) | set(files)):
        if name in {MANIFEST, SUMS}:
            continue
        if name not in files:
            yield f"{name} is missing"
        elif name not in listed:
            yield f"{name} does not belong to the bundle"
        elif listed[name] != {"bytes": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}:
            yield f"{name} was altered"
    if SUMS not in files:
        yield f"{SUMS} is missing"
    elif files[SUMS] != sums({name: content for name, content in files.items() if name != SUMS}):
        yield f"{SUMS} does not fit: it was altered, or one of the files ({MANIFEST} among them)"


def _parsed(files: Mapping[str, bytes], name: str, kind: type) -> Any:
    if name not in files:
        raise Unreadable(f"{name} is missing")
    try:
        found = json.loads(files[name].decode())
    except (RecursionError, ValueError):
        found = None
    if not isinstance(found, kind):
        raise Unreadable(f"{name} was altered: it cannot be read")
    return found


# --- audit entries --------------------------------------------------------------------------


def _audit_faults(found: list[str], files: Mapping[str, bytes], name: str) -> list[dict[str, Any]]:
    """Adds what is wrong with the entries of a file; returns those that are genuine."""
    genuine: list[dict[str, Any]] = []
    try:
        entries = _parsed(files, name, list)
    except Unreadable as error:
        found.append(str(error))
        return genuine
    for place, entry in enumerate(entries, start=1):
        number = entry.get("number") if isinstance(entry, dict) else None
        computed = _entry_hash(entry) if number is not None else None
        if computed is not None and entry.get("hash") == computed:
            genuine.append(entry)
        else:
            found.append(f"{name}: entry {number or f'in place {place}'} of the audit log was altered")
    return genuine


def _entry_hash(entry: Mapping[str, Any]) -> str | None:
    try:
        content = {name: entry[name] for name in AUDITED}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()
    except (KeyError, TypeError, ValueError):
        return None


# --- seals ----------------------------------------------------------------------------------


class _Blocks:
    """The blocks of the bundle: their own hashes, their chains, and what they say of samples."""

    def __init__(self, found: list[str], files: Mapping[str, bytes]) -> None:
        self._found = found
        self._files = files
        self.seals: dict[Key, list[Seal]] = {}

    def check(self) -> None:
        """Add everything that is wrong; fill `seals`."""
        heads = self._heads()
        chains: dict[str, list[dict[str, Any]]] = {}
        for place, line in enumerate(self._lines(), start=1):
            try:
                block = _block(line)
            except Unreadable:
                self._found.append(f"{BLOCKS}: the block in line {place} was altered: it cannot be read")
                continue
            chains.setdefault(block["chain"], []).append(block)
            self._read(block)
        for chain, blocks in sorted(chains.items()):
            self._follow(chain, sorted(blocks, key=lambda block: int(block["number"])), heads)

    def keys_in(self, scope: _Scope) -> set[Key]:
        """The samples that a bundle of this scope must hold."""
        return {key for key in self.seals if key[1] in scope.names and scope.since_ms <= key[0] < scope.until_ms}

    def _heads(self) -> dict[tuple[str, int], bytes]:
        heads: dict[tuple[str, int], bytes] = {}
        for entry in _audit_faults(self._found, self._files, ANCHORS):
            if entry["action"] == ANCHORED:  # its hash is genuine: it is what the platform wrote
                named = entry["after"]["heads"]
                heads.update({(chain, number): bytes.fromhex(digest) for chain, (number, digest) in named.items()})
        return heads

    def _lines(self) -> list[bytes]:
        if BLOCKS not in self._files:
            self._found.append(f"{BLOCKS} is missing")
        return self._files.get(BLOCKS, b"").splitlines()

    def _read(self, block: Mapping[str, Any]) -> None:
        if block["hash"] != _block_hash(block):
            self._found.append(f"{BLOCKS}: block {block['number']} of chain {block['chain']} was altered")
        if block["keys"] is None:
            return
        for place, key in enumerate(struct.iter_unpack("<3q", block["keys"])):
            digest = block["digests"][place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES]
            where = f"block {block['number']} of chain {block['chain']}"
            whole: Key = (key[0], key[1], key[2])
            self.seals.setdefault(whole, []).append((digest, block["format"], where))

    def _follow(self, chain: str, blocks: Sequence[Mapping[str, Any]], heads: Mapping[tuple[str, int], bytes]) -> None:
        """Blocks in a row follow each other, and the last of each row is a head that the audit log names."""
        for place, block in enumerate(blocks):
            number, later = block["number"], blocks[place + 1] if place + 1 < len(blocks) else None
            if heads.get((chain, number), block["hash"]) != block["hash"]:
                self._found.append(f"{BLOCKS}: block {number} of chain {chain} is not the one that the audit log names")
            if later is not None and later["number"] == number:
                self._found.append(f"{BLOCKS}: block {number} of chain {chain} is there twice")
            elif later is not None and later["number"] == number + 1:
                if later["previous_hash"] != block["hash"]:
                    self._found.append(
                        f"{BLOCKS}: block {number + 1} of chain {chain} does not follow the block before it"
                    )
            elif (chain, number) not in heads:
                self._found.append(
                    f"{BLOCKS}: chain {chain} breaks off after block {number}: no entry of the audit log names it,"
                    " and the block after it is missing"
                )


def _block(line: bytes) -> dict[str, Any]:
    try:
        block: dict[str, Any] = json.loads(line.decode())
        for name in ("number", "format", "sealed_at_ms", "count"):
            if type(block[name]) is not int:
                raise Unreadable
        for name in ("keys", "digests", "content_hash"):
            block[name] = base64.b64decode(block[name], validate=True) if block.get(name) is not None else None
        block["chain"].encode()
        block["previous_hash"], block["hash"] = bytes.fromhex(block["previous_hash"]), bytes.fromhex(block["hash"])
        if block["keys"] is None:
            return block
        count = block["count"]
        if (len(block["keys"]), len(block["digests"])) != (count * KEY_BYTES, count * DIGEST_BYTES):
            raise Unreadable
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError, binascii.Error):
        raise Unreadable from None
    return block


def _block_hash(block: Mapping[str, Any]) -> bytes | None:
    content = block["content_hash"]
    if block["keys"] is not None:
        content = hashlib.sha256(block["keys"] + block["digests"]).digest()
    name = block["chain"].encode()
    try:
        numbers = struct.pack("<5q", block["format"], block["number"], block["sealed_at_ms"], block["count"], len(name))
        return hashlib.sha256(numbers + name + block["previous_hash"] + content).digest()
    except (TypeError, struct.error):
        return None


# --- samples --------------------------------------------------------------------------------


class _Scope:
    """Whose samples of when a bundle holds: all of these vehicles in [since_ms, until_ms)."""

    def __init__(self, names: dict[int, str], since_ms: int, until_ms: int) -> None:
        self.names = names
        self.since_ms = since_ms
        self.until_ms = until_ms

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> _Scope:
        window = manifest["window"]
        names = {int(number): str(name) for number, name in manifest["sealed_vehicles"].items()}
        return cls(names, int(window["since_ms"]), int(window["until_ms"]))

    def named(self, key: Key) -> str:
        timestamp_ms, vehicle, seq = key
        try:
            time = f"{(_EPOCH + timedelta(milliseconds=timestamp_ms)).isoformat(timespec='milliseconds')[:-6]}Z"
        except (OverflowError, TypeError):
            time = f"{timestamp_ms} ms"
        return f"the sample of {self.names.get(vehicle, f'vehicle {vehicle}')} at {time}, seq {seq}"


def _sample_faults(files: Mapping[str, bytes], blocks: _Blocks, scope: _Scope) -> Iterator[str]:
    """What is wrong with the samples: each is sealed, as it is, and none that a block knows is missing."""
    try:
        told = _parsed(files, SAMPLES, dict)
        rows = [dict(zip(told["columns"], row)) for row in told["rows"]]  # noqa: B905 -- Python 3.8
        keys: list[Key] = [(row["timestamp_ms"], row["vehicle"], row["seq"]) for row in rows]
        counts = Counter(keys)
    except Unreadable as error:
        yield str(error)
        return
    except (KeyError, TypeError):
        yield f"{SAMPLES} was altered: it cannot be read"
        return
    altered: list[tuple[Key, Values]] = []
    for key, values in zip(keys, rows):  # noqa: B905 -- Python 3.8
        seals = blocks.seals.get(key, [])
        if not seals:
            yield f"{SAMPLES}: {scope.named(key)} was never sealed"
        elif not _fits(values, seals[0]):
            yield f"{SAMPLES}: {scope.named(key)} was altered ({seals[0][2]})"
            altered.append((key, values))
    for key in sorted(blocks.keys_in(scope) - set(keys)):
        yield f"{SAMPLES}: {scope.named(key)} is missing ({blocks.seals[key][0][2]})"
    for key, count in counts.items():
        if count > 1:
            yield f"{SAMPLES}: {scope.named(key)} is there {count} times"
    yield from _exchanged(altered, blocks, scope)


def _exchanged(altered: Sequence[tuple[Key, Values]], blocks: _Blocks, scope: _Scope) -> Iterator[str]:
    """Pairs of altered samples each of which holds what was sealed of the other."""
    for place, (key, values) in enumerate(altered):
        for other, other_values in altered[:place]:
            is_there = _fits({**values, **_as_key(other)}, blocks.seals[other][0])
            if is_there and _fits({**other_values, **_as_key(key)}, blocks.seals[key][0]):
                yield f"{SAMPLES}: {scope.named(other)} and {scope.named(key)} were exchanged"


def _fits(values: Values, seal: Seal) -> bool:
    try:
        return digest_of(values, seal[1]) == seal[0]
    except Unreadable:
        return False


def _as_key(key: Key) -> Values:
    return {"timestamp_ms": key[0], "vehicle": key[1], "seq": key[2]}


def _real(value: Any) -> float:
    """NULL is the NaN, and both zeros are one: databases may not tell them apart."""
    if value is None:
        return math.nan
    if isinstance(value, (bool, str)):
        raise TypeError
    return float(value) + 0.0


# --- the command ----------------------------------------------------------------------------


def _chosen(text: str | None) -> tuple[Mapping[str, bytes], bytes | None]:
    """The files, and the archive that they came in."""
    path = Path(text) if text else Path(__file__).resolve().parent
    if path.is_dir():
        inner = (file for file in sorted(path.rglob("*")) if file.is_file())
        files = {file.relative_to(path).as_posix(): file.read_bytes() for file in inner}
        _require_bundle(files, "folder")
        return files, None
    bundle = path.read_bytes()
    return _unpacked(bundle), bundle


def _anchor_faults(files: Mapping[str, bytes], expected: str) -> Iterator[str]:
    number, _colon, digest = expected.partition(":")
    entries: Any = json.loads(files[ANCHORS].decode())
    if not any(str(entry["number"]) == number and entry["hash"] == digest.lower() for entry in entries):
        yield f"entry {number} of the audit log, as it was written down, does not anchor this bundle"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one bundle and say what was found; 0 when nothing was altered."""
    parser = argparse.ArgumentParser(description="Checks an evidence bundle of Pilotage.")
    parser.add_argument("bundle", nargs="?", help="the ZIP file, or the folder that it was unpacked to")
    parser.add_argument("--expect", metavar="NUMBER:HASH", help="an anchoring entry that was written down elsewhere")
    parser.add_argument("--sha256", metavar="HASH", help="the bundle's, as the platform's record names it")
    given = parser.parse_args(arguments)
    return run(given.bundle, given.expect, given.sha256, report=print)


def run(text: str | None, expect: str | None, sha256: str | None, *, report: Any) -> int:
    """The same as a function; `report` gets each line."""
    try:
        files, bundle = _chosen(text)
        found = faults_of(files) if bundle is None else faults_in(bundle)
        if expect and not found:
            found += _anchor_faults(files, expect)
    except NoBundle as error:
        report(f"NOT CHECKED: {error}")
        return 1
    except (OSError, Unreadable) as error:
        report(f"ALTERED: {error}" if isinstance(error, Unreadable) else f"NOT CHECKED: it cannot be read: {error}")
        return 1
    digest = None if bundle is None else hashlib.sha256(bundle).hexdigest()
    if sha256 and digest != sha256.lower():
        found.append("the bundle is not the one with this SHA-256")
    for fault in found:
        report(f"ALTERED: {fault}")
    if not found:
        for line in _summary(files):
            report(line)
    if digest:
        report(f"SHA-256 of the bundle: {digest}")
    report(f"something was altered: {len(found)} faults" if found else "nothing was altered")
    return 1 if found else 0


def _summary(files: Mapping[str, bytes]) -> Iterator[str]:
    manifest = json.loads(files[MANIFEST].decode())
    window, made = manifest["window"], manifest["exported"]
    yield f"bundle {manifest['bundle_id']} of {manifest['platform']['url'] or 'an installation without an address'}"
    yield f"vehicle {manifest['vehicle']['vehicle_id']}, {_time(window['since_ms'])} to {_time(window['until_ms'])}"
    yield f"exported {_time(made['at_ms'])} by {made['by']}"
    blocks = len(files[BLOCKS].splitlines())
    yield f"{len(json.loads(files[SAMPLES].decode())['rows'])} samples, {blocks} blocks, {len(files)} files"
    for entry in json.loads(files[ANCHORS].decode()):
        yield f"anchored by entry {entry['number']}:{entry['hash']} of the audit log"


def _time(time_ms: int) -> str:
    return f"{(_EPOCH + timedelta(milliseconds=time_ms)).isoformat(timespec='seconds')[:-6]}Z"


if __name__ == "__main__":
    sys.exit(main())
