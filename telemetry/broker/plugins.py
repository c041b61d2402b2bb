"""amqtt plugins: authentication and topic rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from amqtt.contexts import Action
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from telemetry.broker.identity import Identity, Verifier, may_publish, may_subscribe

_IDENTITY = "pilotage.identity"


class AuthenticationPlugin(BaseAuthPlugin):
    """Lets in whom the verifier knows. The gate has asked already, before amqtt saw the connection."""

    @dataclass
    class Config:
        """`verifier` is a telemetry.broker.identity.Verifier."""

        verifier: object

    async def authenticate(self, *, session: Session) -> bool:
        """Whether the session's user is known; remembers who it is."""
        verifier = cast("Verifier", self.config.verifier)
        identity = await verifier.verify(session.username, session.password)
        if identity is None:
            return False
        session.attributes[_IDENTITY] = identity
        return True


class TopicPlugin(BaseTopicPlugin):
    """Allows what telemetry.broker.identity names, and nothing else."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """Whether this session may do this with this topic or filter."""
        identity = session.attributes.get(_IDENTITY) if session is not None else None
        if not isinstance(identity, Identity) or topic is None:
            return False
        return may_publish(identity, topic) if action == Action.PUBLISH else may_subscribe(identity, topic)
