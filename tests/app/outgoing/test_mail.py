"""E-mail: in both languages, from our own server, and nothing in it is a header of somebody else."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from app.models import DeliveryState, Failure
from app.outgoing.mail import MailSender, mail_of
from app.outgoing.messages import Message
from app.settings import MailServer
from tests.app.outgoing.office import NOON, Office
from tests.app.outgoing.receivers import mailbox
from tests.app.outgoing.test_webhook import MESSAGE, TOLD

SENDER = "pilotage@city.example"
DUTY = "duty@north.example"


def server(port: int, **changes: object) -> MailServer:
    plain = MailServer(host="127.0.0.1", port=port, tls=False, username="", password="", sender=SENDER)
    return replace(plain, **changes)  # type: ignore[arg-type]  # names are checked by replace


def sent(message: Message = MESSAGE) -> EmailMessage:
    """As the recipient's program reads it."""
    mail = message_from_bytes(mail_of(message, SENDER, DUTY, NOON).as_bytes(), policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_a_notice_arrives_by_mail(office: Office) -> None:
    with mailbox() as box:
        office.channel(DUTY)
        office.tell("permit.suspended")
        office.send(office.process(office.engine, server(box.port)))
    assert box.recipients == [DUTY]
    assert office.only().state is DeliveryState.SENT
    mail = message_from_bytes(box.mails[0], policy=default)
    assert mail["Message-ID"] == f"<{office.only().delivery_id}@city.example>"
    assert (mail["From"], mail["To"]) == (SENDER, DUTY)


def test_a_mail_says_everything_in_both_languages_as_text_and_as_html() -> None:
    mail = sent()
    assert mail["Subject"] == "[Pilotage] 许可已暂停 · Permit suspended"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        text = part.get_content()
        assert all(words in text for words in (TOLD.zh, TOLD.en, TOLD.reason, TOLD.url, MESSAGE.settings_url))
        assert "2026-03-01 11:59:59" in text, "Beijing time"


def test_many_notices_have_one_mail_and_a_test_has_none() -> None:
    assert sent(replace(MESSAGE, told=[TOLD, TOLD]))["Subject"] == "[Pilotage] 2 条通知 · 2 notices"
    test = sent(replace(MESSAGE, told=[], is_test=True))
    assert test["Subject"] == "[Pilotage] 测试消息 · Test message"


def test_words_are_neither_headers_nor_markup() -> None:
    attack = "x\r\nBcc: everybody@city.example\r\n\r\n<script>alert(1)</script>"
    mail = sent(replace(MESSAGE, told=[replace(TOLD, zh=attack, en=attack, reason=attack)]))
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("[Pilotage] x Bcc: everybody@city.example <script>")
    html = mail.get_body(("html",))
    assert html is not None
    assert "<script>" not in html.get_content()


@pytest.mark.parametrize("address", ["duty@north.example\r\nBcc: x@city.example", "a\nb@north.example"])
def test_an_address_with_a_line_break_sends_nothing(address: str) -> None:
    with mailbox() as box:
        answer = MailSender(server(box.port), ssl.create_default_context()).send(MESSAGE, address, NOON)
    assert not answer.is_accepted
    assert not box.mails


def test_what_the_mail_server_answers_is_kept() -> None:
    with mailbox() as box:
        box.refused.add(DUTY)
        answer = MailSender(server(box.port), ssl.create_default_context()).send(MESSAGE, DUTY, NOON)
    assert (answer.failure, answer.status, answer.text) == (Failure.REFUSED, 550, "no such person here")


def test_a_server_that_cannot_encrypt_gets_no_password() -> None:
    """Not this machine by its name: then STARTTLS is a must, and the mailbox offers none."""
    with mailbox() as box:
        elsewhere = server(box.port, host=socket.gethostname(), username="u", password="the mail password")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "create_connection", _to_loopback(socket.create_connection))
            answer = MailSender(elsewhere, ssl.create_default_context()).send(MESSAGE, DUTY, NOON)
    assert (answer.failure, box.mails) == (Failure.UNREACHABLE, [])
    assert "the mail password" not in repr(elsewhere) + answer.text


def test_without_a_mail_server_the_attempt_says_so(office: Office) -> None:
    office.test_message(office.channel(DUTY))
    office.send()
    assert office.only().failure is Failure.NO_MAIL_SERVER


def _to_loopback(connect: object) -> object:
    def connected(address: tuple[str, int], *rest: object, **more: object) -> object:
        assert callable(connect)
        return connect(("127.0.0.1", address[1]), *rest, **more)

    return connected
