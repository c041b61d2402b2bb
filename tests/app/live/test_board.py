"""The board: readers at their own pace see everything that changed, and nobody waits."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from app.live.board import Board, Document, Window

NORTH, SOUTH = 1, 2


def _document(owner: int | None, text: str) -> Document:
    return Document(owner, text.encode())


def test_a_new_reader_gets_everything_and_then_only_changes() -> None:
    board = Board()
    board.put([("a", _document(NORTH, "a1")), ("b", _document(SOUTH, "b1"))])
    board.put_alerts([("x", _document(NORTH, "x1"), False)])
    first = board.changes(0)
    assert first.complete
    assert (first.features, first.alerts) == ([b"a1", b"b1"], [b"x1"])
    assert not board.changes(first.cursor)
    board.put([("a", _document(NORTH, "a2"))])
    second = board.changes(first.cursor)
    assert (second.complete, second.features, second.alerts) == (False, [b"a2"], [])


def test_what_lies_beside_the_window_is_asked_for_by_itself() -> None:
    board, window = Board(), Window(west=113.0, south=22.0, east=114.0, north=23.0)
    here, there = (113.0, 23.0), (114.1, 22.5)
    board.put([("a", Document(NORTH, b"a1", place=here)), ("b", Document(SOUTH, b"b1", place=there))])
    first = board.changes(0, window=window)
    assert first.features == [b"a1", b"b1"], "a snapshot has everything"
    board.put([("a", Document(NORTH, b"a2", place=here)), ("b", Document(SOUTH, b"b2", place=there))])
    board.put([("c", _document(None, "c1"))])
    assert board.changes(first.cursor, window=window).features == [b"a2", b"c1"], "what has no place is everywhere"
    assert board.told_beside(window, first.cursor) == ([b"b2"], [])
    assert board.told_beside(window, first.cursor, NORTH) == ([], [])
    board.remove(["b"])
    assert board.changes(first.cursor, window=window).removed == ["b"]


def _moved(text: str, rest: str, place: tuple[float, float] = (113.5, 22.5)) -> Document:
    return Document(NORTH, text.encode(), place=place, motion=text.upper().encode(), rest=rest)


def test_of_what_only_moves_the_motion_is_told_to_those_who_know_the_rest() -> None:
    board = Board()
    board.put([("a", _moved("a1", "calm")), ("b", _moved("b1", "calm"))])
    cursor = board.changes(0, rest_known=0).cursor
    board.put([("a", _moved("a2", "calm")), ("b", _moved("b2", "alarmed"))])
    told = board.changes(cursor, rest_known=cursor)
    assert (told.moves, told.features) == ([b"A2"], [b"b2"])
    assert board.changes(cursor).features == [b"a2", b"b2"], "others hear everything"
    board.put([("b", _moved("b3", "alarmed"))])
    assert board.changes(told.cursor, rest_known=told.cursor).moves == [b"B3"]
    assert board.changes(cursor, rest_known=cursor).features == [b"b3"], "who missed the change hears all of it"
    board.remove(["a"])
    gone = board.changes(told.cursor, rest_known=told.cursor)
    board.put([("a", _moved("a4", "calm"))])
    back = board.changes(gone.cursor, rest_known=gone.cursor)
    assert (gone.removed, back.moves, back.features) == (["a"], [], [b"a4"])


def test_what_changed_unseen_beside_the_window_is_told_whole_when_it_comes_in() -> None:
    board, window = Board(), Window(west=113.0, south=22.0, east=114.0, north=23.0)
    board.put([("a", _moved("a1", "calm", (114.5, 22.5)))])
    beside = cursor = board.changes(0, window=window).cursor
    board.put([("a", _moved("a2", "alarmed", (114.1, 22.5)))])
    unseen = board.changes(cursor, window=window, rest_known=beside)
    assert not unseen
    board.put([("a", _moved("a3", "alarmed"))])
    seen = board.changes(unseen.cursor, window=window, rest_known=beside)
    assert (seen.features, seen.moves) == ([b"a3"], [])


def test_a_slow_reader_finds_the_newest_state_only() -> None:
    board = Board()
    cursor = board.changes(0).cursor
    for number in range(100):
        board.put([("a", _document(None, f"a{number}"))])
    assert board.changes(cursor).features == [b"a99"]


def test_an_organisation_sees_its_own() -> None:
    board = Board()
    board.put([("a", _document(NORTH, "a1")), ("b", _document(SOUTH, "b1"))])
    board.put_alerts([("x", _document(SOUTH, "x1"), False)])
    seen = board.changes(0, NORTH)
    assert (seen.features, seen.alerts) == ([b"a1"], [])
    board.remove(["a", "b"])
    assert board.changes(seen.cursor, NORTH).removed == ["a"]


def test_a_closed_alert_is_told_once_more() -> None:
    board = Board()
    board.put_alerts([("x", _document(None, "open"), False)])
    cursor = board.changes(0).cursor
    board.put_alerts([("x", _document(None, "closed"), True)])
    assert board.changes(cursor).alerts == [b"closed"]
    assert board.changes(0).alerts == []


def test_an_alert_that_left_is_told_by_its_id_to_those_who_saw_it() -> None:
    board = Board()
    board.put_alerts([("x", _document(NORTH, "x1"), False), ("y", _document(SOUTH, "y1"), False)])
    board.count_beyond({})
    cursor = board.changes(0).cursor
    board.remove_alerts(["x", "unknown"])
    board.count_beyond({NORTH: 3, SOUTH: 1})
    told, own, theirs = board.changes(cursor), board.changes(cursor, NORTH), board.changes(cursor, SOUTH)
    assert (told.alerts, told.left, told.beyond) == ([], ["x"], 4)
    assert (own.left, own.beyond, theirs.left, theirs.beyond) == (["x"], 3, [], 1)
    later = board.changes(0, NORTH)
    assert (later.alerts, later.left, later.beyond) == ([], [], 3)
    board.count_beyond({NORTH: 3, SOUTH: 1})
    assert not board.changes(told.cursor)


def test_a_reader_that_is_too_far_behind_starts_anew() -> None:
    board = Board(kept_removals=2)
    board.put([(f"v{n}", _document(None, f"{n}")) for n in range(5)])
    cursor = board.changes(0).cursor
    board.remove([f"v{n}" for n in range(4)])
    late = board.changes(cursor)
    assert late.complete
    assert late.features == [b"4"]
    assert not board.changes(late.cursor)


def test_a_restart_gives_everybody_a_snapshot() -> None:
    board = Board()
    board.put([("a", _document(None, "a1"))])
    cursor = board.changes(0).cursor
    board.restart()
    again = board.changes(cursor)
    assert again.complete
    assert again.features == []


def test_closing_wakes_every_reader() -> None:
    board = Board()
    woken = [threading.Thread(target=board.wait, args=(board.changes(0).cursor, 60.0)) for _ in range(3)]
    for thread in woken:
        thread.start()
    board.close()
    for thread in woken:
        thread.join(10)
        assert not thread.is_alive()


_steps = st.lists(st.tuples(st.sampled_from(["put", "remove", "read"]), st.sampled_from("abcd")), max_size=40)


@given(_steps, st.integers(0, 3))
def test_whatever_a_reader_missed_it_ends_with_the_same_picture(steps: list[tuple[str, str]], kept: int) -> None:
    board = Board(kept_removals=kept)
    truth: dict[str, bytes] = {}
    seen: dict[str, bytes] = {}
    cursor = 0
    for number, (step, key) in enumerate([*steps, ("read", "a")]):
        if step == "put":
            document = Document(None, f"{key}{number}".encode())
            truth[key] = document.json
            board.put([(key, document)])
        elif step == "remove":
            truth.pop(key, None)
            board.remove([key])
        else:
            changes = board.changes(cursor)
            cursor = changes.cursor
            if changes.complete:
                seen = {}
            seen |= {feature.decode()[0]: feature for feature in changes.features}
            for gone in changes.removed:
                seen.pop(gone, None)
    assert seen == truth
