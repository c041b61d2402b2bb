"""Nobody burns a processor with documents."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from app.documents.permit_notice import PermitNotice
from app.documents.press import GOOD_FOR_MS, MOST_KEPT, NoticePress
from app.errors import Overloaded
from tests.app.documents.test_permit_notice import NOTICE


class Counted:
    """Prints the number of the print."""

    def __init__(self) -> None:
        self.prints = 0

    def __call__(self, notice: PermitNotice) -> bytes:
        self.prints += 1
        return f"{self.prints} {notice.printed_at_ms}".encode()


def later(by_ms: int) -> PermitNotice:
    return replace(NOTICE, printed_at_ms=NOTICE.printed_at_ms + by_ms, printed_at=f"{by_ms}")


def test_what_says_the_same_is_printed_once_in_a_while() -> None:
    counted = Counted()
    press = NoticePress(counted)
    first = press.sheet(NOTICE)
    assert press.sheet(later(GOOD_FOR_MS - 1)) == first
    assert press.sheet(later(GOOD_FOR_MS)) != first
    assert counted.prints == 2


def test_what_says_anything_else_is_printed_at_once() -> None:
    press = NoticePress(Counted())
    sheets = {press.sheet(NOTICE)}
    for change in ({"revision": 4}, {"number": "x"}, {"url": "http://x"}, {"lists": []}, {"terms": []}, {"facts": []}):
        sheets.add(press.sheet(replace(NOTICE, **change)))  # type: ignore[arg-type]  # names and kinds of its fields
    assert len(sheets) == 7


def test_only_the_newest_are_kept() -> None:
    counted = Counted()
    press = NoticePress(counted)
    for number in range(MOST_KEPT + 1):
        press.sheet(replace(NOTICE, number=str(number)))
    press.sheet(replace(NOTICE, number=str(MOST_KEPT)))
    assert counted.prints == MOST_KEPT + 1
    press.sheet(replace(NOTICE, number="0"))
    assert counted.prints == MOST_KEPT + 2


def test_one_is_printed_at_a_time_and_those_who_wait_too_long_are_told() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slowly(_notice: PermitNotice) -> bytes:
        begun.set()
        assert may_end.wait(10)
        return b"sheet"

    press = NoticePress(slowly, patience_s=0.0)
    thread = threading.Thread(target=press.sheet, args=(NOTICE,))
    thread.start()
    assert begun.wait(10)
    with pytest.raises(Overloaded):
        press.sheet(replace(NOTICE, number="another"))
    may_end.set()
    thread.join(10)
    assert press.sheet(NOTICE) == b"sheet"


def test_a_print_that_fails_leaves_the_press_free() -> None:
    def fails(_notice: PermitNotice) -> bytes:
        raise RuntimeError("no ink")

    press = NoticePress(fails, patience_s=0.0)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no ink"):
            press.sheet(NOTICE)
