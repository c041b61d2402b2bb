"""Webhooks against receivers that behave, and such that do not."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.models import Failure
from app.outgoing.destinations import Address, DestinationRefused, Network, is_permitted, read_destination
from app.outgoing.messages import Message, Told
from app.outgoing.webhook import WebhookSender
from tests.app.outgoing.receivers import Behaviour, answers, drips, hangs, receiving, sends

NOW = 1_772_337_600_000
SECRET = "whsec_of-the-tests"
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"),)
TOLD = Told(
    notice_id=7,
    kind="permit.suspended",
    topic="permits",
    severity="critical",
    subject_type="permit",
    subject_id="QH-2026-0001",
    params={"number": "QH-2026-0001", "reason": "事故"},
    zh="许可已暂停",
    en="Permit suspended",
    reason="事故",
    url="https://pilots.example/desk/permits/QH-2026-0001",
    created_at_ms=NOW - 1,
)
MESSAGE = Message("N-1", "CH-1", "Control room", is_test=False, told=[TOLD], settings_url="https://pilots.example/c")


def sender(allowed: tuple[Network, ...] = LOOPBACK, timeout_s: float = 5.0, **names: str) -> WebhookSender:
    """One whose resolver knows these names, with `_` for the dot."""

    def resolve(host: str, _port: int) -> list[Address]:
        if host not in known:
            raise OSError("no such host")
        return [ip_address(text) for text in known[host].split()]

    known = {name.replace("_", "."): text for name, text in names.items()}
    return WebhookSender(allowed, ssl.create_default_context(), resolve, timeout_s)


def documented_check(headers: dict[str, str], body: bytes, seen: set[str], now_s: float) -> bool:
    """The receiver's example of docs/notifications.md, run as it stands there."""
    text = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 -- our own document
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)
    return bool(is_genuine(SECRET, headers, body, seen, now_s))


def test_a_message_is_posted_and_signed_so_that_the_documented_receiver_takes_it_once() -> None:
    with receiving(answers(204)) as receiver:
        answer = sender().send(MESSAGE, receiver.url, SECRET, NOW)
    (request,) = receiver.requests
    assert (answer.is_accepted, answer.status) == (True, 204)
    assert request.head == "POST /hook?from=pilotage HTTP/1.1"
    body = json.loads(request.body)
    assert (body["delivery"], body["channel"], body["test"]) == ("N-1", "CH-1", False)
    (notice,) = body["notices"]
    assert (notice["id"], notice["kind"], notice["text"]) == (7, TOLD.kind, {"zh": TOLD.zh, "en": TOLD.en})
    assert notice["params"] == TOLD.params
    signed = request.headers["Pilotage-Timestamp"].encode() + b".N-1." + request.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["Pilotage-Signature"] == f"v1={expected}"
    seen: set[str] = set()
    assert documented_check(request.headers, request.body, seen, NOW / 1000 + 299)
    assert not documented_check(request.headers, request.body, seen, NOW / 1000), "a replay"
    assert not documented_check(request.headers, request.body, set(), NOW / 1000 + 301), "too old"
    assert not documented_check(request.headers, request.body + b" ", set(), NOW / 1000), "altered"
    other = request.headers | {"Pilotage-Delivery": "N-2"}
    assert not documented_check(other, request.body, set(), NOW / 1000), "another id"


@pytest.mark.parametrize(
    ("behaviour", "failure", "status", "said"),
    [
        (answers(500, "out of order"), Failure.REFUSED, 500, "out of order"),
        (answers(302, "", Location="http://127.0.0.1/admin"), Failure.REDIRECT, 302, ""),
        (answers(307, "", Location="http://169.254.169.254/latest/meta-data"), Failure.REDIRECT, 307, ""),
        (sends(b"\x00\xff\x01 no HTTP at all\r\n\r\n"), Failure.NO_ANSWER, None, "BadStatusLine"),
        (sends(b""), Failure.NO_ANSWER, None, "RemoteDisconnected"),
        (sends(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n"), Failure.NO_ANSWER, None, "LineTooLong"),
        (sends(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), Failure.NO_ANSWER, None, "HTTPException"),
        (sends(b"HTTP/1.1 99999 OK\r\n\r\n"), Failure.NO_ANSWER, None, "BadStatusLine"),
    ],
)
def test_what_is_no_success_is_kept_in_words(
    behaviour: Behaviour, failure: Failure, status: int | None, said: str
) -> None:
    with receiving(behaviour) as receiver:
        answer = sender().send(MESSAGE, receiver.url, SECRET, NOW)
    assert len(receiver.requests) == 1, "nobody was asked twice, and no redirect followed"
    assert (answer.failure, answer.status) == (failure, status)
    assert said in answer.text


@pytest.mark.parametrize("behaviour", [hangs, drips])
def test_a_receiver_that_hangs_or_drips_ends_at_the_deadline(behaviour: Behaviour) -> None:
    with receiving(behaviour) as receiver:
        answer = sender(timeout_s=0.3).send(MESSAGE, receiver.url, SECRET, NOW)
    assert answer.failure is Failure.TIMEOUT


def test_an_answer_is_cut_and_made_harmless() -> None:
    body = b"\x1b[31mred\x00\r\n<script>" + "长".encode() * 400_000
    with receiving(sends(b"HTTP/1.1 200 OK\r\n\r\n" + body)) as receiver:
        answer = sender().send(MESSAGE, receiver.url, SECRET, NOW)
    assert answer.is_accepted
    assert len(answer.text) <= 500
    assert answer.text.startswith("[31mred <script>长")
    assert answer.text.isprintable()


def test_a_receiver_that_broke_off_in_the_answer_still_has_the_message() -> None:
    with receiving(sends(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")) as receiver:
        assert sender().send(MESSAGE, receiver.url, SECRET, NOW).is_accepted


def test_gone_is_gone() -> None:
    with receiving(answers(410)) as receiver:
        assert sender().send(MESSAGE, receiver.url, SECRET, NOW).is_gone


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0",  # noqa: S104 -- asked about, not bound
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1",
        "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::",
    ],
)  # fmt: skip
def test_no_address_of_a_network_of_our_own_is_permitted(address: str) -> None:
    assert not is_permitted(ip_address(address), ())


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert is_permitted(ip_address(address), ())


def test_an_installation_may_name_networks_of_its_own() -> None:
    named = (ip_network("10.20.0.0/16"),)
    assert is_permitted(ip_address("10.20.1.1"), named)
    assert is_permitted(ip_address("::ffff:10.20.1.1"), named)
    assert not is_permitted(ip_address("10.21.1.1"), named)


@pytest.mark.parametrize("leads_to", ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "10.0.0.1 192.168.0.1"])
def test_a_name_that_leads_into_a_private_network_is_not_connected_to(leads_to: str) -> None:
    answer = sender(allowed=(), rebound_example=leads_to).send(MESSAGE, "https://rebound.example/", SECRET, NOW)
    assert (answer.failure, answer.text) == (Failure.PRIVATE_ADDRESS, "rebound.example leads to no public address")


def test_the_connection_goes_to_the_address_that_was_checked_and_proves_the_name(tmp_path: Path) -> None:
    """The name is asked for once: what it says a moment later has no effect. The certificate is the name's."""
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[Address]:
        asked.append(host)
        return [ip_address("127.0.0.1")]

    served, trusted = certified(tmp_path, "receiver.example")
    with receiving(answers(200), tls=served) as receiver:
        once = WebhookSender(LOOPBACK, trusted, resolve, 5.0)
        good = once.send(MESSAGE, f"https://receiver.example:{receiver.port}/", SECRET, NOW)
        other = once.send(MESSAGE, f"https://other.example:{receiver.port}/", SECRET, NOW)
    assert asked == ["receiver.example", "other.example"]
    assert good.is_accepted
    assert (other.failure, "CERTIFICATE_VERIFY_FAILED" in other.text) == (Failure.UNTRUSTED, True)
    assert receiver.requests[0].headers["Host"] == f"receiver.example:{receiver.port}"


def certified(directory: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for the name, and a client's that trusts nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://receiver.example/", "webhook_https"),
        ("http://8.8.8.8/", "webhook_https"),
        ("http://127.0.0.1/", "webhook_private"),
        ("https://127.0.0.1/", "webhook_private"),
        ("https://[::1]/", "webhook_private"),
        ("https://[::ffff:169.254.169.254]/", "webhook_private"),
        ("https://user:pass@receiver.example/", "webhook_user"),
        ("https://user@receiver.example/", "webhook_user"),
        ("https://receiver.example/#part", "webhook_address"),
        ("https://receiver.example:99999/", "webhook_address"),
        ("https://receiver.example:0/", "webhook_address"),
        ("https:///path", "webhook_address"),
        ("ftp://receiver.example/", "webhook_address"),
        ("file:///etc/passwd", "webhook_address"),
        ("https://receiver.example/ HTTP/1.1\r\nX: y", "webhook_address"),
        ("https://receiver.example/\r\nX: y", "webhook_address"),
        ("https://例子.中国/", "webhook_address"),
        ("https://[::1/", "webhook_address"),
        ("receiver.example", "webhook_address"),
        ("", "webhook_address"),
    ],
)
def test_addresses_that_are_refused_when_they_are_typed(url: str, code: str) -> None:
    with pytest.raises(DestinationRefused) as caught:
        read_destination(url, ())
    assert caught.value.code == code


def test_plain_http_is_for_this_machine_alone_and_only_where_it_is_allowed() -> None:
    assert read_destination("http://127.0.0.1:8080/x?y", LOOPBACK).authority == "127.0.0.1:8080"
    with pytest.raises(DestinationRefused, match="HTTPS"):
        read_destination("http://10.20.0.1/", (ip_network("10.20.0.0/16"),))


def test_a_name_without_an_address_is_told() -> None:
    answer = sender().send(MESSAGE, "https://nowhere.example/", SECRET, NOW)
    assert answer.failure is Failure.UNKNOWN_HOST


def test_nobody_listens() -> None:
    with receiving(hangs) as receiver:
        port = receiver.port
    answer = sender().send(MESSAGE, f"http://127.0.0.1:{port}/", SECRET, NOW)
    assert (answer.failure, "ConnectionRefusedError" in answer.text) == (Failure.UNREACHABLE, True)
