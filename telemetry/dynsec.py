"""Drives mosquitto's dynamic-security plugin: who may connect, and to which topics.

A vehicle is a client of the plugin with its `vehicle_id` as user name and a role of its own that
names its topics (docs/architecture.md, "Topics"). Every function here may be repeated: what is
already as wanted stays. Disabling a client ends its live connection at once.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from telemetry.errors import AccessControlFailed, BrokerUnavailable, UnknownBrokerUser
from telemetry.messages import committed_topic, directive_topic, telemetry_topic
from telemetry.mqtt import BrokerAddress

_CONTROL = "$CONTROL/dynamic-security/v1"
_RESPONSES = f"{_CONTROL}/response"
_TIMEOUT_S = 5.0
_SERVICE_ROLE = "pilotage-service"

Command = dict[str, object]


class _Response(msgspec.Struct, frozen=True):
    command: str
    error: str = ""


class _Responses(msgspec.Struct, frozen=True):
    responses: list[_Response]


class DynamicSecurity:
    """A connection to the plugin as an administrator. Use as a context manager.

    Entering raises BrokerUnavailable when the broker is gone or refuses the administrator.
    """

    def __init__(self, broker: BrokerAddress) -> None:
        self._broker = broker
        self._events: queue.SimpleQueue[str | _Responses] = queue.SimpleQueue()
        self._paho = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
        )
        self._paho.username_pw_set(broker.username, broker.password)
        if broker.tls:
            self._paho.tls_set()
        self._paho.on_connect = self._on_connect
        self._paho.on_subscribe = lambda *_: self._events.put("")
        self._paho.on_disconnect = lambda *_: self._events.put("the connection ended")
        self._paho.on_message = self._on_message

    def __enter__(self) -> Self:
        try:
            self._paho.connect(self._broker.host, self._broker.port)
        except OSError as error:
            raise BrokerUnavailable(f"cannot reach the broker: {error}") from error
        self._paho.loop_start()
        try:
            self._expect()
        except BrokerUnavailable:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    # --- what the platform does -----------------------------------------------------------

    def ensure_defaults(self) -> None:
        """Deny publishing and subscribing wherever no role allows it."""
        access = {"publishClientSend": False, "subscribe": False, "publishClientReceive": True, "unsubscribe": True}
        acls = [{"acltype": name, "allow": allowed} for name, allowed in access.items()]
        self._run([{"command": "setDefaultACLAccess", "acls": acls}])

    def ensure_service(self, username: str, password: str) -> None:
        """An account for the platform's own processes: all of `v1/#`."""
        self._ensure_role(_SERVICE_ROLE, [*_both("v1/#")])
        self._ensure_client(username, password, _SERVICE_ROLE)

    def ensure_vehicle(self, vehicle_id: str, password: str) -> None:
        """A vehicle's account, enabled, with this password and its own topics only.

        Raises AccessControlFailed for an id that is no single level of a topic.
        """
        if not vehicle_id or set("/+#\0") & set(vehicle_id):
            raise AccessControlFailed(f"{vehicle_id!r} cannot be a vehicle's name at the broker")
        directive = directive_topic(vehicle_id)
        acls = [_allow("publishClientSend", topic) for topic in (telemetry_topic(vehicle_id), f"{directive}/ack")]
        acls += [_allow("subscribeLiteral", topic) for topic in (committed_topic(vehicle_id), directive)]
        self._ensure_role(_vehicle_role(vehicle_id), acls)
        self._ensure_client(vehicle_id, password, _vehicle_role(vehicle_id))

    def disable_vehicle(self, vehicle_id: str) -> None:
        """End its connection and let it in no more. Raises UnknownBrokerUser."""
        self._run([{"command": "disableClient", "username": vehicle_id}])

    def enable_vehicle(self, vehicle_id: str) -> None:
        """Let a disabled vehicle in again. Raises UnknownBrokerUser."""
        self._run([{"command": "enableClient", "username": vehicle_id}])

    def delete_vehicle(self, vehicle_id: str) -> None:
        """Forget the account and its role, whether or not they are there."""
        commands: list[Command] = [
            {"command": "deleteClient", "username": vehicle_id},
            {"command": "deleteRole", "rolename": _vehicle_role(vehicle_id)},
        ]
        self._run(commands, tolerated={"Client not found", "Role not found"})

    # --- talking to the plugin ------------------------------------------------------------

    def _ensure_role(self, name: str, acls: Sequence[Command]) -> None:
        role: Command = {"rolename": name, "acls": list(acls)}
        self._run([{"command": "createRole", "rolename": name}], tolerated={"Role already exists"})
        self._run([{"command": "modifyRole", **role}])

    def _ensure_client(self, username: str, password: str, role: str) -> None:
        account: Command = {"username": username, "password": password, "roles": [{"rolename": role}]}
        self._run([{"command": "createClient", **account}], tolerated={"Client already exists"})
        self._run([{"command": "modifyClient", **account}, {"command": "enableClient", "username": username}])

    def _run(self, commands: Sequence[Command], *, tolerated: frozenset[str] | set[str] = frozenset()) -> None:
        """Send commands and check each answer; the plugin carries out all, whatever fails."""
        self._paho.publish(_CONTROL, msgspec.json.encode({"commands": commands}), qos=1)
        for response in self._expect().responses:
            if not response.error or response.error in tolerated:
                continue
            failure = UnknownBrokerUser if response.error == "Client not found" else AccessControlFailed
            raise failure(f"{response.command}: {response.error}")

    def _expect(self) -> _Responses:
        """The next answer; an empty one for the subscription. Raises BrokerUnavailable."""
        try:
            event = self._events.get(timeout=_TIMEOUT_S)
        except queue.Empty:
            raise BrokerUnavailable("the dynamic-security plugin does not answer") from None
        if isinstance(event, _Responses):
            return event
        if event:
            raise BrokerUnavailable(event)
        return _Responses([])

    def _on_connect(
        self, paho: Client, _userdata: object, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._events.put(f"the broker refused us: {reason}")
        else:
            paho.subscribe(_RESPONSES, qos=1)

    def _on_message(self, _paho: Client, _userdata: object, message: MQTTMessage) -> None:
        try:
            self._events.put(msgspec.json.decode(message.payload, type=_Responses))
        except msgspec.MsgspecError as error:
            self._events.put(f"the plugin's answer cannot be read: {error}")

    def _close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()


def _vehicle_role(vehicle_id: str) -> str:
    return f"vehicle-{vehicle_id}"


def _allow(kind: str, topic: str) -> Command:
    return {"acltype": kind, "topic": topic, "allow": True}


def _both(topic_filter: str) -> tuple[Command, Command]:
    return _allow("publishClientSend", topic_filter), _allow("subscribePattern", topic_filter)
