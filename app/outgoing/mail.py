"""E-mail: one message in both languages, as text and as simple HTML, handed to one mail server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape

from app.calendar import wall_time
from app.models import Failure
from app.outgoing.messages import Answer, Message, Told, failed, safe_text
from app.settings import MailServer, is_this_machine

#: For each step of the conversation.
_TIMEOUT_S = 10.0
_SUBJECT_CHARACTERS = 120
#: RFC 5321: the mail server has taken the message.
_TAKEN = 250


@dataclass(frozen=True, slots=True)
class _Part:
    """One language of a mail."""

    language: str
    words: Callable[[Told], str]
    test: str
    settings: str


_PARTS = (
    _Part("zh-CN", lambda told: told.zh, "这是一条测试消息：此渠道工作正常。", "此渠道的设置"),
    _Part("en", lambda told: told.en, "This is a test message: the channel works.", "Settings of this channel"),
)


@dataclass(frozen=True, slots=True)
class MailSender:
    """How this installation mails; without a server it says so to each attempt."""

    server: MailServer | None
    tls: ssl.SSLContext

    def send(self, message: Message, address: str, now_ms: int) -> Answer:
        """One attempt: accepted means that the mail server took it."""
        if self.server is None:
            return failed(Failure.NO_MAIL_SERVER)
        try:
            mail = mail_of(message, self.server.sender, address, now_ms)
            with self._connected(self.server) as connection:
                connection.send_message(mail)
        except (OSError, ValueError) as error:  # all errors of smtplib are OSErrors
            return _failure(error)
        return Answer(None, _TAKEN, "")

    def _connected(self, server: MailServer) -> smtplib.SMTP:
        """Encrypted, unless the server is this machine."""
        if server.tls:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT_S, context=self.tls)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_S)
        try:
            if not server.tls and not is_this_machine(server.host):
                connection.starttls(context=self.tls)
            if server.username:
                connection.login(server.username, server.password)
        except BaseException:
            connection.close()
            raise
        return connection


def mail_of(message: Message, sender: str, address: str, now_ms: int) -> EmailMessage:
    """The mail. Its Message-ID is the delivery's: a mailbox that gets it twice can tell."""
    mail = EmailMessage()
    mail["Subject"] = _subject(message)
    mail["From"] = sender
    mail["To"] = address
    mail["Date"] = format_datetime(wall_time(now_ms))
    mail["Message-ID"] = f"<{message.delivery_id}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(_text_lines(message)))
    mail.add_alternative("\n".join(_html_lines(message)), subtype="html")
    return mail


def _failure(error: OSError | ValueError) -> Answer:
    """What went wrong, without the platform's own credentials."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return failed(Failure.LOGIN_REFUSED, status=error.smtp_code)
        case smtplib.SMTPRecipientsRefused():
            ((status, said),) = error.recipients.values()
            return failed(Failure.REFUSED, _decoded(said), status)
        case smtplib.SMTPResponseException():
            return failed(Failure.REFUSED, _decoded(error.smtp_error), error.smtp_code)
        case TimeoutError():
            return failed(Failure.TIMEOUT)
        case ssl.SSLError():
            return failed(Failure.UNTRUSTED, str(error))
    return failed(Failure.UNREACHABLE, f"{type(error).__name__}: {error}")


def _decoded(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _subject(message: Message) -> str:
    if message.is_test:
        return "[Pilotage] 测试消息 · Test message"
    if len(message.told) > 1:
        return f"[Pilotage] {len(message.told)} 条通知 · {len(message.told)} notices"
    return safe_text(f"[Pilotage] {message.told[0].zh} · {message.told[0].en}")[:_SUBJECT_CHARACTERS]


def _text_lines(message: Message) -> Iterator[str]:
    for part in _PARTS:
        if message.is_test:
            yield part.test
        for told in message.told:
            yield f"{wall_time(told.created_at_ms):%Y-%m-%d %H:%M:%S}  {safe_text(part.words(told))}"
            yield from (f"    {line}" for line in (safe_text(told.reason), told.url) if line)
        yield ""
        yield f"{part.settings}: {message.settings_url}"
        yield ""


def _html_lines(message: Message) -> Iterator[str]:
    yield "<!DOCTYPE html><html><body>"
    for part in _PARTS:
        yield f'<div lang="{part.language}">'
        if message.is_test:
            yield f"<p>{escape(part.test)}</p>"
        for told in message.told:
            yield f"<p>{wall_time(told.created_at_ms):%Y-%m-%d %H:%M:%S}<br>{_html(told, part.words(told))}</p>"
        yield f'<p><small><a href="{escape(message.settings_url)}">{escape(part.settings)}</a></small></p></div><hr>'
    yield "</body></html>"


def _html(told: Told, words: str) -> str:
    text = f"<strong>{escape(safe_text(words))}</strong>"
    linked = f'<a href="{escape(told.url)}">{text}</a>' if told.url else text
    return linked + (f"<br>{escape(safe_text(told.reason))}" if told.reason else "")
