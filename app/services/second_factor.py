"""The second factor: time-based one-time passwords (RFC 6238), and recovery codes for a lost telephone."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.audit import UNWATCHED, Subject, record
from app.errors import InvalidChange
from app.models import RecoveryCode, User
from app.services.users import described

RECOVERY_CODES = 10
_ISSUER = "Pilotage"
_STEP_MS = 30_000
#: Clocks of telephones differ: the step before and the step after count too (RFC 6238, 5.2).
_STEPS_ASIDE = 1
_NONCE_BYTES = 12
_RECOVERY_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that looks like something else
_RECOVERY_CHARACTERS = 16


class SecretCipher:
    """Encrypts the secrets of second factors, each for its user alone."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def encrypt(self, user_id: int, secret: str) -> bytes:
        """What is kept of the secret."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), _bound_to(user_id))

    def decrypt(self, user_id: int, kept: bytes) -> str:
        """The secret. Raises InvalidChange when it was kept under another key, or for somebody else."""
        try:
            secret = self._cipher.decrypt(kept[:_NONCE_BYTES], kept[_NONCE_BYTES:], _bound_to(user_id))
        except (InvalidTag, ValueError) as error:
            raise InvalidChange("the second factor cannot be read", code="second_factor_unreadable") from error
        return secret.decode()


def new_secret() -> str:
    """A secret for an authenticator app: 160 random bits in base 32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, email: str) -> str:
    """What the QR code says."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER)


def enrol(session: Session, user: User, *, secret: str, code: str, cipher: SecretCipher, now_ms: int) -> list[str]:
    """Take the secret on once a code proves that the app has it; returns the recovery codes, shown once.

    Raises InvalidChange for a wrong code.
    """
    step = _matching_step(secret, code, now_ms)
    if step is None:
        raise InvalidChange("the code is wrong", code="code_wrong", field="one_time_code")
    before = described(user)
    user.totp_secret, user.totp_last_step = cipher.encrypt(user.id, secret), step
    codes = _renew_recovery_codes(session, user)
    _record(session, "second_factor.enrolled", user, before=before, actor=user, now_ms=now_ms)
    return codes


def renew_recovery_codes(session: Session, user: User, *, now_ms: int) -> list[str]:
    """New recovery codes, shown once; the old ones are worthless then."""
    codes = _renew_recovery_codes(session, user)
    _record(session, "recovery_codes.renewed", user, before=described(user), actor=user, now_ms=now_ms)
    return codes


def verify_code(session: Session, user: User, code: str, *, cipher: SecretCipher, now_ms: int) -> bool:
    """Whether this is the app's code of now or a recovery code of the user; either works once."""
    if user.totp_secret is None:
        return False
    typed = "".join(code.split()).replace("-", "").upper()
    step = _matching_step(cipher.decrypt(user.id, user.totp_secret), typed, now_ms)
    if step is not None:
        return _use_step(session, user, step)
    return _use_recovery_code(session, user, typed, now_ms=now_ms)


def remove_second_factor(session: Session, user: User, *, actor: User, now_ms: int, reason: str = "") -> None:
    """Take the second factor away, of oneself or as an administrator. Raises InvalidChange where there is none."""
    if user.totp_secret is None:
        raise InvalidChange("there is no second factor", code="second_factor_missing")
    before = described(user)
    user.totp_secret = user.totp_last_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    _record(session, "second_factor.removed", user, before=before, actor=actor, now_ms=now_ms, reason=reason)


def unused_recovery_codes(session: Session, user: User) -> int:
    """How many are left."""
    unused = select(func.count()).where(RecoveryCode.user_id == user.id, RecoveryCode.used_at_ms.is_(None))
    return session.execute(unused).scalar_one()


def _matching_step(secret: str, code: str, now_ms: int) -> int | None:
    """The time step whose code this is; every step is compared, in constant time."""
    totp, now = pyotp.TOTP(secret), now_ms // _STEP_MS
    typed = "".join(code.split()).encode()
    steps = range(now - _STEPS_ASIDE, now + _STEPS_ASIDE + 1)
    matching = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), typed)]
    return matching[-1] if matching else None


def _use_step(session: Session, user: User, step: int) -> bool:
    """Mark the step as used, unless it or a later one was: of two logins with one code, one succeeds."""
    is_unused = or_(User.totp_last_step.is_(None), User.totp_last_step < step)
    marked = update(User).where(User.id == user.id, is_unused).values(totp_last_step=step)
    return session.execute(marked.returning(User.id), execution_options=UNWATCHED).first() is not None


def _use_recovery_code(session: Session, user: User, typed: str, *, now_ms: int) -> bool:
    mine = RecoveryCode.user_id == user.id, RecoveryCode.code_hash == _hash(typed), RecoveryCode.used_at_ms.is_(None)
    used = session.execute(update(RecoveryCode).where(*mine).values(used_at_ms=now_ms).returning(RecoveryCode.id))
    if used.first() is None:
        return False
    left = {"unused_recovery_codes": unused_recovery_codes(session, user)}
    record(session, "recovery_code.used", Subject("user", user.email), actor=user, now_ms=now_ms, after=left)
    return True


def _renew_recovery_codes(session: Session, user: User) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [
        "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(_RECOVERY_CHARACTERS)) for _ in range(RECOVERY_CODES)
    ]
    session.add_all(RecoveryCode(user_id=user.id, code_hash=_hash(code)) for code in codes)
    session.flush()
    return ["-".join(code[start : start + 4] for start in range(0, _RECOVERY_CHARACTERS, 4)) for code in codes]


def _record(
    session: Session,
    action: str,
    user: User,
    *,
    before: dict[str, object],
    actor: User,
    now_ms: int,
    reason: str = "",
) -> None:
    session.flush()
    subject, after = Subject("user", user.email), described(user)
    record(session, action, subject, actor=actor, now_ms=now_ms, reason=reason, before=before, after=after)


def _bound_to(user_id: int) -> bytes:
    return f"user:{user_id}".encode()


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
