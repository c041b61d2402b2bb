"""A bundle in the hands of somebody with an interest: whatever is changed is found and named."""

from __future__ import annotations

import ast
import base64
import io
import json
import math
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.audit import HASHED
from app.cli import main
from app.evidence import verify
from app.evidence.verify import ANCHORS, AUDIT, BLOCKS, SAMPLES, SUMS, Unreadable, faults_in, faults_of
from telemetry import sealing
from tests.app.evidence.scene import archive, forged

_WHOLE = st.integers(-(2**63), 2**63 - 1)
_REAL = st.one_of(st.none(), st.floats(allow_infinity=True, allow_nan=True), st.just(-0.0))
_TEXT = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=20))

Rows = list[list[Any]]


def samples_changed(files: dict[str, bytes], change: Callable[[Rows, list[str]], object]) -> dict[str, bytes | None]:
    told = json.loads(files[SAMPLES])
    change(told["rows"], told["columns"])
    return {SAMPLES: json.dumps(told).encode()}


def lines_changed(files: dict[str, bytes], change: Callable[[list[dict[str, Any]]], object]) -> dict[str, bytes | None]:
    blocks = [json.loads(line) for line in files[BLOCKS].splitlines()]
    change(blocks)
    return {BLOCKS: b"".join(json.dumps(block).encode() + b"\n" for block in blocks)}


def named(found: list[str], *parts: str) -> bool:
    return any(all(part in fault for part in parts) for fault in found)


# --- the program itself -----------------------------------------------------------------------


def test_what_is_sealed_is_what_the_worker_seals() -> None:
    assert (verify.WHOLES, verify.REALS, verify.TEXTS) == (sealing.WHOLES, sealing.REALS, sealing.TEXTS)
    assert (verify.NEWEST_FORMAT, verify.ADDED) == (sealing.FORMAT, sealing.ADDED)
    assert (verify.DIGEST_BYTES, verify.KEY_BYTES) == (sealing.DIGEST_BYTES, sealing.KEY_BYTES)
    assert {*HASHED, "previous_hash"} == set(verify.AUDITED)


@given(
    st.tuples(*(_WHOLE for _ in sealing.WHOLES), *(_REAL for _ in sealing.REALS), *(_TEXT for _ in sealing.TEXTS)),
    st.integers(0, sealing.FORMAT + 1),
    st.booleans(),
)
def test_digests_are_those_of_the_worker(row: tuple[Any, ...], sealed_format: int, is_of_then: bool) -> None:  # noqa: FBT001
    values = dict(zip(sealing.COLUMNS, row, strict=True))
    if is_of_then:
        values |= {name: value for added in sealing.ADDED.values() for name, value in added.items()}
    told = {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}
    try:
        expected: bytes | None = sealing.digest_of(tuple(values.values()), sealed_format)
    except ValueError:
        expected = None
    try:
        found: bytes | None = verify.digest_of(told, sealed_format)
    except Unreadable:
        found = None
    assert found == expected


def test_it_needs_python_3_8_and_the_standard_library_only() -> None:
    tree = ast.parse(Path(verify.__file__).read_text("utf-8"), feature_version=(3, 8))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in modules} <= set(sys.stdlib_module_names)


def test_it_runs_without_the_platform(tmp_path: Path, files: dict[str, bytes]) -> None:
    """As a court has it: the unpacked files and nothing else, and then with one byte changed."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-I", "-B", str(tmp_path / "verify.py")]
    answer = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "nothing was altered" in answer.stdout
    content = bytearray(files["data/permits.json"])
    content[len(content) // 2] ^= 1
    (tmp_path / "data/permits.json").write_bytes(content)
    answer = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "ALTERED: data/permits.json was altered" in answer.stdout


def test_the_command_says_the_same(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(whole)
    good = CliRunner().invoke(main, ["verify", "bundle", str(path)])
    assert (good.exit_code, "nothing was altered" in good.output) == (0, True)
    entry = json.loads(verify._unpacked(whole)[ANCHORS])[0]
    for options, code in (
        (["--expect", f"{entry['number']}:{entry['hash']}"], 0),
        (["--expect", f"{entry['number']}:{'0' * 64}"], 1),
        (["--sha256", "0" * 64], 1),
    ):
        assert CliRunner().invoke(main, ["verify", "bundle", str(path), *options]).exit_code == code
    path.write_bytes(whole[:-1] + b"\x01")
    bad = CliRunner().invoke(main, ["verify", "bundle", str(path)])
    assert (bad.exit_code, "ALTERED" in bad.output) == (1, True)


def test_what_is_no_bundle_is_told_in_words(tmp_path: Path, files: dict[str, bytes], whole: bytes) -> None:
    def zipped(names: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", compression) as target:
            for name, content in names.items():
                target.writestr(name, content)
        return made.getvalue()

    encrypted = bytearray(whole)
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    for content, words in (
        (b"no archive", "NOT CHECKED: this is no ZIP archive"),
        (b"", "NOT CHECKED: this is no ZIP archive"),
        (zipped({}), "NOT CHECKED: the archive is empty"),
        (zipped({"holiday.jpg": b"x"}), "NOT CHECKED: this archive is no evidence bundle"),
        (zipped({f"EV-1/{name}": body for name, body in files.items()}), "the bundle is in its folder EV-1"),
        (zipped(files, zipfile.ZIP_DEFLATED), "NOT CHECKED: the archive was packed anew, compressed"),
        (bytes(encrypted), "NOT CHECKED: the archive is encrypted"),
        (zipped(files | {"../../escape": b"x"}), "ALTERED: ../../escape lies outside of the bundle"),
        (zipped(files | {"/etc/escape": b"x"}), "ALTERED: /etc/escape lies outside of the bundle"),
        (archive(files | {"extra.txt": b"x"}), "ALTERED: extra.txt does not belong to the bundle"),
        (whole[: len(whole) // 2], "ALTERED: the archive is damaged"),
    ):
        path = tmp_path / "bundle.zip"
        path.write_bytes(content)
        lines: list[str] = []
        assert verify.run(str(path), None, None, report=lines.append) == 1
        assert any(words in line for line in lines), (words, lines)


def test_a_folder_that_is_no_bundle_is_told_in_words(tmp_path: Path, files: dict[str, bytes]) -> None:
    lines: list[str] = []
    assert verify.run(str(tmp_path), None, None, report=lines.append) == 1
    assert lines == ["NOT CHECKED: the folder is empty"]
    (tmp_path / "other.txt").write_bytes(b"x")
    assert verify.run(str(tmp_path), None, None, report=lines.append) == 1
    assert lines[-1] == "NOT CHECKED: this folder is no evidence bundle"
    (tmp_path / SUMS).write_bytes(files[SUMS])
    assert verify.run(str(tmp_path), None, None, report=lines.append) == 1
    assert "ALTERED: manifest.json is missing" in lines
    assert verify.run(str(tmp_path / "nowhere"), None, None, report=lines.append) == 1
    assert lines[-1].startswith("NOT CHECKED: it cannot be read")


# --- one byte, anywhere -------------------------------------------------------------------------


def test_one_changed_byte_of_each_file_is_found_and_the_file_is_named(whole: bytes, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        start = whole.index(name.encode() + content) + len(name)  # two files may say the same
        changed = bytearray(whole)
        changed[start + len(content) // 2] ^= 1
        assert named(faults_in(bytes(changed)), name), name


def test_one_changed_byte_anywhere_in_the_archive_is_found(whole: bytes) -> None:
    for place in [*range(0, len(whole), 9973), *range(len(whole) - 200, len(whole))]:
        changed = bytearray(whole)
        changed[place] ^= 4
        assert faults_in(bytes(changed)), place


def test_a_bundle_that_was_cut_off_or_is_something_else_is_refused(whole: bytes) -> None:
    for content in (b"", b"PK\x03\x04", b"no archive", whole[: len(whole) // 2], whole + b"\0", b"\0" + whole):
        assert faults_in(content)


def test_files_that_are_missing_added_or_renamed_are_named(files: dict[str, bytes]) -> None:
    for name in files:
        found = faults_in(archive({other: body for other, body in files.items() if other != name}))
        assert named(found, name), name
    assert named(faults_in(archive(files | {"data/new.json": b"{}"})), "data/new.json", "does not belong")
    assert named(faults_in(archive(files | {"data/alerts.json": b"[]"})), "data/alerts.json was altered")


# --- somebody who makes the manifest anew -------------------------------------------------------


def test_a_changed_value_of_a_sample_is_named(files: dict[str, bytes]) -> None:
    def faster(rows: Rows, columns: list[str]) -> None:
        rows[7][columns.index("speed_mps")] = 99.0

    key = json.loads(files[SAMPLES])["rows"][7][:3]
    found = faults_of(forged(files, samples_changed(files, faster)))
    assert len(found) == 1
    assert named(found, SAMPLES, f"seq {key[2]} was altered")


def test_every_column_of_a_sample_is_covered(files: dict[str, bytes]) -> None:
    columns = json.loads(files[SAMPLES])["columns"]
    assert columns == list(sealing.COLUMNS)
    for place, name in enumerate(columns):

        def changed(rows: Rows, _: list[str], place: int = place) -> None:
            value = rows[3][place]
            rows[3][place] = "other" if isinstance(value, str | None) else value + 1

        assert faults_of(forged(files, samples_changed(files, changed))), name


def test_a_deleted_an_invented_a_doubled_and_a_swapped_sample_are_named(files: dict[str, bytes]) -> None:
    def swapped(rows: Rows, _: list[str]) -> None:
        rows[4][3:], rows[8][3:] = rows[8][3:], rows[4][3:]

    def invented(rows: Rows, columns: list[str]) -> None:
        made = list(rows[0])
        made[columns.index("seq")] = 999_999
        rows.append(made)

    for change, words in (
        (lambda rows, _: rows.pop(5), "is missing"),
        (invented, "seq 999999 was never sealed"),
        (lambda rows, _: rows.append(rows[5]), "is there 2 times"),
        (swapped, "were exchanged"),
    ):
        assert named(faults_of(forged(files, samples_changed(files, change))), SAMPLES, words), words


def test_samples_of_a_vehicle_that_the_manifest_no_longer_names_are_missed_by_their_seals(
    files: dict[str, bytes],
) -> None:
    """Who takes out a whole vehicle takes out its name; who leaves the name is found."""

    def only_first(rows: Rows, columns: list[str]) -> None:
        vehicle = columns.index("vehicle")
        rows[:] = [row for row in rows if row[vehicle] == rows[0][vehicle]]

    assert named(faults_of(forged(files, samples_changed(files, only_first))), "is missing")


def test_blocks_that_were_changed_deleted_swapped_or_cut_off_are_named(files: dict[str, bytes]) -> None:
    def other_digest(blocks: list[dict[str, Any]]) -> None:
        digests = bytearray(base64.b64decode(blocks[1]["digests"]))
        digests[0] ^= 1
        blocks[1]["digests"] = base64.b64encode(digests).decode()

    def swapped(blocks: list[dict[str, Any]]) -> None:
        blocks[1]["number"], blocks[2]["number"] = blocks[2]["number"], blocks[1]["number"]

    def cut(blocks: list[dict[str, Any]]) -> None:
        del blocks[[block["chain"] for block in blocks].index("w1") - 1]  # the last of w0

    blocks = [json.loads(line) for line in files[BLOCKS].splitlines()]
    assert {block["chain"] for block in blocks} == {"w0", "w1"}
    for change, words in (
        (other_digest, f"block {blocks[1]['number']} of chain w0 was altered"),
        (lambda blocks: blocks.pop(2), f"breaks off after block {blocks[1]['number']}"),
        (lambda blocks: blocks.append(blocks[0]), "is there twice"),
        (swapped, "was altered"),
        (cut, "chain w0 breaks off"),
        (lambda blocks: blocks[0].update(hash="00" * 32), "was altered"),
        (lambda blocks: blocks[0].update(chain="other"), "was altered"),
    ):
        assert named(faults_of(forged(files, lines_changed(files, change))), BLOCKS, words), words


def test_anchors_and_audit_entries_that_were_changed_are_named(files: dict[str, bytes]) -> None:
    for name in (ANCHORS, AUDIT):
        entries = json.loads(files[name])
        for field in ("reason", "recorded_at_ms", "actor", "previous_hash", "hash"):
            other = [entries[0] | {field: 1 if field == "recorded_at_ms" else "00" * 32}, *entries[1:]]
            found = faults_of(forged(files, {name: json.dumps(other).encode()}))
            assert named(found, name, f"entry {entries[0]['number']} of the audit log was altered"), field
    assert named(faults_of(forged(files, {ANCHORS: b"[]"})), "no entry of the audit log names it")


def test_nonsense_in_the_place_of_any_file_is_told_and_never_breaks(files: dict[str, bytes]) -> None:
    for name in files:
        if name == SUMS:
            continue
        for nonsense in (b"", b"\xff\xfe", b"[]", b"{}", b"null", b'[{"number": []}]', b'{"rows": 1}', b"[" * 5_000):
            replaced: dict[str, bytes | None] = {name: nonsense}
            found = (
                faults_of(files | {name: nonsense}) if name == "manifest.json" else faults_of(forged(files, replaced))
            )
            is_checked = name in {SAMPLES, ANCHORS, AUDIT, BLOCKS, "manifest.json"}
            assert bool(found) or not is_checked or (name, nonsense) == (AUDIT, b"[]"), (name, nonsense)
