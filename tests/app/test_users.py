"""What two people do to each other at the same moment, on either database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pyotp
from sqlalchemy import Engine

from app.database import changing_session, reading_session
from app.errors import AppError
from app.models import Role, User
from app.services.second_factor import SecretCipher, enrol, new_secret, verify_code
from app.services.users import create_user, disable_user, user_by_email

NOW_MS = 1_772_337_600_000
CIPHER = SecretCipher(b"k" * 32)
PATIENCE_S = 30.0


def administrators(engine: Engine) -> list[str]:
    emails = ["one@city.example", "two@city.example"]
    with changing_session(engine) as session:
        for email in emails:
            create_user(
                session,
                email=email,
                password="a good password",
                role=Role.ADMINISTRATOR,
                display_name=email,
                now_ms=NOW_MS,
            )
    return emails


def test_of_two_administrators_who_disable_each_other_one_stays(engine: Engine) -> None:
    emails = administrators(engine)
    barrier = Barrier(2, timeout=PATIENCE_S)

    def disable(actor_email: str, victim_email: str) -> str:
        barrier.wait()
        try:
            with changing_session(engine) as session:
                actor, victim = user_by_email(session, actor_email), user_by_email(session, victim_email)
                disable_user(session, victim, actor=actor, now_ms=NOW_MS, reason="rivalry")
        except AppError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        ends = sorted(pool.map(disable, emails, reversed(emails)))
    assert ends == ["done", "last_administrator"]
    with reading_session(engine) as session:
        assert session.query(User).filter_by(disabled_at_ms=None).count() == 1


def test_of_two_logins_with_one_code_one_succeeds(engine: Engine) -> None:
    email, secret = administrators(engine)[0], new_secret()
    with changing_session(engine) as session:
        user = user_by_email(session, email)
        code = pyotp.TOTP(secret).at(NOW_MS // 1000)
        recovery = enrol(session, user, secret=secret, code=code, cipher=CIPHER, now_ms=NOW_MS)[0]
    later_ms = NOW_MS + 30_000
    for typed in (pyotp.TOTP(secret).at(later_ms // 1000), recovery):
        barrier = Barrier(4, timeout=PATIENCE_S)

        def verify(_: int, typed: str = typed, barrier: Barrier = barrier) -> bool:
            barrier.wait()
            with changing_session(engine) as session:
                return verify_code(session, user_by_email(session, email), typed, cipher=CIPHER, now_ms=later_ms)

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(verify, range(4))) == [False, False, False, True]
