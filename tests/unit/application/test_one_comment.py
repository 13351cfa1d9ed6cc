"""One comment for a project, whatever other people and other runs do meanwhile."""

from collections.abc import Callable

import pytest

from ftops.application.one_comment import Done, marker_of, post
from ftops.errors import HostAnswerLost, HostError, HostNotFound
from ftops.ports import Comment

MARKER = marker_of("acme")
BODY = f"{MARKER}\nnew"


class Talk:
    """Comments in memory. ``before`` is called with the name of each method, and may change them."""

    def __init__(self, *comments: Comment, before: Callable[["Talk", str], None] = lambda talk, name: None) -> None:
        self.held = {one.id: one for one in comments}
        self.calls: list[str] = []
        self._before = before

    def own_login(self) -> str | None:
        return "us"

    def comments(self) -> list[Comment]:
        self._begin("comments")
        return list(self.held.values())

    def add(self, body: str) -> Comment:
        self._begin("add")
        made = Comment(id=max(self.held, default=0) + 1, author="us", body=body)
        self.held[made.id] = made
        return made

    def change(self, comment: int, body: str) -> None:
        self._begin("change")
        if comment not in self.held:
            raise HostNotFound("gone")
        self.held[comment] = Comment(id=comment, author="us", body=body)

    def remove(self, comment: int) -> None:
        self._begin("remove")
        if self.held.pop(comment, None) is None:
            raise HostNotFound("gone")

    def _begin(self, name: str) -> None:
        self.calls.append(name)
        self._before(self, name)


def ours(number: int, body: str = f"{MARKER}\nold") -> Comment:
    return Comment(id=number, author="us", body=body)


def test_a_first_comment_is_looked_for_again_once_it_is_written() -> None:
    talk = Talk()
    assert post(talk, marker=MARKER, body=BODY, author="us").done is Done.WRITTEN
    assert talk.calls == ["comments", "add", "comments"]


def test_an_equal_text_is_no_call() -> None:
    talk = Talk(ours(1, BODY.replace("\n", "\r\n") + "\n"))
    assert post(talk, marker=MARKER, body=BODY, author="us").done is Done.UNCHANGED
    assert talk.calls == ["comments"]


def test_duplicates_are_removed_and_the_oldest_one_is_updated() -> None:
    talk = Talk(ours(5), ours(3), ours(9))
    assert post(talk, marker=MARKER, body=BODY, author="us").done is Done.UPDATED
    assert list(talk.held) == [3]


def test_a_duplicate_that_the_other_run_has_removed_is_no_fault() -> None:
    def other_run(talk: Talk, name: str) -> None:
        if name == "remove":
            talk.held.pop(5, None)

    talk = Talk(ours(3), ours(5), before=other_run)
    assert post(talk, marker=MARKER, body=BODY, author="us").done is Done.UPDATED
    assert list(talk.held) == [3]


def test_a_list_that_is_a_moment_behind_makes_no_second_comment() -> None:
    class Late(Talk):
        def comments(self) -> list[Comment]:
            super().comments()
            return []

    talk = Late()
    assert post(talk, marker=MARKER, body=BODY, author="us").done is Done.WRITTEN
    assert len(talk.held) == 1


@pytest.mark.parametrize(
    "body",
    ["", MARKER + " x", f" {MARKER}", f"x\n{MARKER}", f"> {MARKER}", "<!-- ftops:acme-2 -->", "<!-- FTOPS:ACME -->"],
)
def test_the_marker_counts_in_its_place_alone(body: str) -> None:
    talk = Talk(ours(1, body))
    assert post(talk, marker=MARKER, body=BODY, author="us").done is Done.WRITTEN
    assert talk.held[1].body == body


def test_what_goes_wrong_again_and_again_is_given_up() -> None:
    def lose(talk: Talk, name: str) -> None:
        if name == "add":
            raise HostAnswerLost("no answer")

    def delete(talk: Talk, name: str) -> None:
        if name == "change":
            talk.held.clear()
        elif name == "comments":
            talk.held[1] = ours(1)

    for talk in (Talk(before=lose), Talk(before=delete)):
        with pytest.raises(HostError, match="again and again"):
            post(talk, marker=MARKER, body=BODY, author="us")
        assert len(talk.calls) == 8
