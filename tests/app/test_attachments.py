from __future__ import annotations

import io
import zipfile

import pytest
from sqlalchemy import Engine, select

from app.database import changing_session, reading_session
from app.errors import InvalidChange, NotFound
from app.models import Attachment, AuditEntry, Role
from app.services import attachments
from app.services.attachments import attachment_by_public_id, delete_attachment, display_name, store_attachment
from app.services.file_types import CSV, DOCX, GEOJSON, JPEG, PDF, PNG, TEXT, XLSX, media_type_of
from app.services.organisations import register_organisation
from app.services.users import create_user
from tests import files


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as made:
        for name, content in entries.items():
            made.writestr(name, content)
    return packed.getvalue()


OFFICE = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"}


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (files.PDF, PDF),
        (files.PNG, PNG),
        (files.JPEG, JPEG),
        (files.JPEG + bytes(9), JPEG),
        (files.PDF + files.PDF[9:], PDF),
        (archive(OFFICE), DOCX),
        (archive({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}), XLSX),
        (b'{"type": "FeatureCollection", "features": []}', GEOJSON),
        (b'\xef\xbb\xbf{"type": "Point", "coordinates": [1, 2]}', GEOJSON),
        (b'{"a": 1}', TEXT),
        (b"[" * 100_000, TEXT),
        (b'{"type": ' + b"[" * 100_000, TEXT),
        (b"a,b\n1,2\n", CSV),
        ("线路,里程\n梦海大道,3.2\n".encode("gb18030"), CSV),
        ("安全方案".encode(), TEXT),
    ],
)
def test_a_file_is_what_its_content_says(content: bytes, media_type: str) -> None:
    assert media_type_of(content) == media_type


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\x00\x03",
        b"\x7fELF\x02",
        b"<!doctype html><script>alert(1)</script>",
        b"  <svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"GIF89a\x01\x00",
        b"PK\x03\x04 broken",
        archive({"a.txt": b"not an office file"}),
        archive(OFFICE | {"word/vbaProject.bin": b"macro"}),
        archive(OFFICE | {"xl/workbook.xml": b"both"}),
        b"\xff\xfe\x00",
    ],
)
def test_other_types_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidChange) as refused:
        media_type_of(content)
    assert refused.value.code == "file_type_refused"


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.4 <html><script>alert(1)</script>",
        b"%PDF-1.4\n<script>alert(1)</script>" + files.PDF,
        files.PDF + b"<script>alert(1)</script>",
        files.PDF + archive({"evil.exe": b"MZ"}),
        files.PNG[:20],
        files.PNG.replace(b"IDAT", b"IDAU"),
        files.PNG + b"<script>alert(1)</script>",
        files.PNG + archive({"evil.js": b"alert(1)"}),
        b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
        files.JPEG + archive({"evil.jar": b"PK"}),
        files.JPEG + b"<?php system($_GET[0]); ?>",
        b"\xff\xd8\xff\xe0<svg onload=alert(1)>\xff\xd9",
        b"\xff\xd8\xff",
    ],
)
def test_files_that_are_something_else_besides_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidChange) as refused:
        media_type_of(content)
    assert refused.value.code == "file_type_refused"


def test_a_compression_bomb_is_refused_without_being_unpacked() -> None:
    with pytest.raises(InvalidChange) as refused:
        media_type_of(archive(OFFICE | {"word/media/zeros.bin": bytes(50 * 2**20)}))
    assert refused.value.code == "compression_bomb"


def test_a_bomb_of_many_entries_is_refused() -> None:
    with pytest.raises(InvalidChange) as refused:
        media_type_of(archive(OFFICE | {f"word/{number}": b"" for number in range(2_100)}))
    assert refused.value.code == "compression_bomb"


def test_a_bomb_whose_entries_share_their_bytes_is_refused() -> None:
    content = bytearray(archive({**OFFICE, "a": b"x" * 5_000, "b": b"y" * 5_000}, zipfile.ZIP_STORED))
    directory = content.index(b"PK\x01\x02")
    for position in range(directory, len(content) - 46):
        if content[position : position + 4] == b"PK\x01\x02":
            content[position + 20 : position + 24] = (9_000).to_bytes(4, "little")
    with pytest.raises(InvalidChange) as refused:
        media_type_of(bytes(content))
    assert refused.value.code == "compression_bomb"


@pytest.mark.parametrize(
    ("given", "media_type", "shown"),
    [
        ("plan.pdf", PDF, "plan.pdf"),
        ("../../etc/passwd", TEXT, "passwd.txt"),
        ("C:\\Windows\\system32\\evil.exe", PDF, "evil.exe.pdf"),
        ("photo.JPEG", JPEG, "photo.jpeg"),
        ("安全方案（终稿）.docx", DOCX, "安全方案（终稿）.docx"),
        ("safe\u202efdp.exe", PDF, "safe fdp.exe.pdf"),
        ("a\r\nSet-Cookie: x=1.txt", TEXT, "a Set-Cookie x=1.txt"),
        ("", PDF, "file.pdf"),
        ("....", PDF, "file.pdf"),
        ("x" * 500 + ".pdf", PDF, "x" * 120 + ".pdf"),
        ('"><script>.csv', CSV, "script.csv"),
    ],
)
def test_a_name_is_for_display_only(given: str, media_type: str, shown: str) -> None:
    assert display_name(given, media_type) == shown


def test_a_file_is_stored_with_its_digest_and_told(engine: Engine) -> None:
    with changing_session(engine) as session:
        company = register_organisation(session, code="N", name_zh="N", name_en="N", now_ms=1)
        person = create_user(
            session,
            email="m@n.example",
            password="a good password",
            role=Role.OPERATOR_MANAGER,
            display_name="M",
            now_ms=1,
            organisation=company,
        )
        stored = store_attachment(
            session, organisation=company, file_name="plan.txt", content=files.PDF, actor=person, now_ms=2
        )
        public_id = stored.public_id
    with reading_session(engine) as session:
        found = attachment_by_public_id(session, public_id)
        assert (found.file_name, found.media_type, found.size_bytes) == ("plan.txt.pdf", PDF, len(files.PDF))
        assert found.content == files.PDF
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "attachment.stored")).one()
        assert entry.after is not None
        assert "content" not in entry.after
        with pytest.raises(NotFound):
            attachment_by_public_id(session, "../" + public_id)
    with changing_session(engine) as session:
        delete_attachment(session, attachment_by_public_id(session, public_id), actor=person, now_ms=3)
    with reading_session(engine) as session:
        assert session.scalars(select(Attachment)).all() == []


@pytest.mark.parametrize(("size", "code"), [(0, "file_without_content"), (9, "file_too_large")])
def test_empty_and_large_files_are_refused(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, size: int, code: str
) -> None:
    monkeypatch.setattr(attachments, "MOST_BYTES", 8)
    with changing_session(engine) as session:
        company = register_organisation(session, code="N", name_zh="N", name_en="N", now_ms=1)
        with pytest.raises(InvalidChange) as refused:
            store_attachment(
                session,
                organisation=company,
                file_name="a",
                content=b"x" * size,
                actor=None,  # type: ignore[arg-type]  # it is refused before anybody is asked
                now_ms=1,
            )
    assert refused.value.code == code
