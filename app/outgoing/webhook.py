"""Webhooks: a signed POST of JSON. docs/notifications.md shows receivers how to verify it."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.client import HTTPException

import msgspec

from app.models import Failure
from app.outgoing.destinations import (
    Destination,
    DestinationRefused,
    Resolve,
    permitted_addresses,
    read_destination,
    resolve_by_system,
)
from app.outgoing.exchange import post
from app.outgoing.messages import Answer, Message, failed, safe_text
from app.proxies import Network

#: For name, connection, TLS, request and answer together, the resolver's own patience apart.
TIMEOUT_S = 10.0
_VERSION = "v1"
_REFUSALS = {"webhook_private": Failure.PRIVATE_ADDRESS, "webhook_unresolved": Failure.UNKNOWN_HOST}


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """How this installation posts: into which networks besides the public ones, and how long it waits."""

    allowed: Sequence[Network]
    tls: ssl.SSLContext
    resolve: Resolve = resolve_by_system
    timeout_s: float = TIMEOUT_S

    def send(self, message: Message, address: str, secret: str, now_ms: int) -> Answer:
        """One attempt. Success is a 2xx; a redirect is not followed; 410 means that nobody listens there any more."""
        body = webhook_body(message, now_ms)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Pilotage",
            **signed_headers(secret, message.delivery_id, body, now_ms),
        }
        try:
            destination = read_destination(address, self.allowed)
            return self._posted(destination, headers, body)
        except DestinationRefused as error:
            return failed(_REFUSALS.get(error.code, Failure.ADDRESS), str(error))
        except TimeoutError:
            return failed(Failure.TIMEOUT)
        except ssl.SSLError as error:
            return failed(Failure.UNTRUSTED, str(error))
        except HTTPException as error:  # http.client calls a connection that ended early both this and an OSError
            return failed(Failure.NO_ANSWER, f"{type(error).__name__}: {error}")
        except OSError as error:
            return failed(Failure.UNREACHABLE, f"{type(error).__name__}: {error}")

    def _posted(self, destination: Destination, headers: dict[str, str], body: bytes) -> Answer:
        (first, *_others) = permitted_addresses(destination, self.allowed, self.resolve)
        reply = post(destination, first, headers, body, timeout_s=self.timeout_s, tls=self.tls)
        if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return Answer(None, reply.status, safe_text(reply.text))
        is_redirect = HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST
        failure = Failure.REDIRECT if is_redirect else Failure.REFUSED
        return Answer(failure, reply.status, safe_text(reply.text), is_gone=reply.status == HTTPStatus.GONE)


def webhook_body(message: Message, now_ms: int) -> bytes:
    """The JSON of a message, as docs/notifications.md has it."""
    return msgspec.json.encode(
        {
            "delivery": message.delivery_id,
            "channel": message.channel_id,
            "sent_at_ms": now_ms,
            "test": message.is_test,
            "notices": [_notice(asdict(told)) for told in message.told],
        }
    )


def _notice(told: dict[str, object]) -> dict[str, object]:
    told["id"] = told.pop("notice_id")
    told["text"] = {"zh": told.pop("zh"), "en": told.pop("en")}
    return told


def signed_headers(secret: str, delivery_id: str, body: bytes, now_ms: int) -> dict[str, str]:
    """The timestamp in whole seconds, the delivery's id, and HMAC-SHA-256 of `timestamp.delivery.body`."""
    timestamp = str(now_ms // 1000)
    signed = f"{timestamp}.{delivery_id}.".encode() + body
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {
        "Pilotage-Timestamp": timestamp,
        "Pilotage-Delivery": delivery_id,
        "Pilotage-Signature": f"{_VERSION}={signature}",
    }
