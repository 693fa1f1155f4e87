"""`@frozen` does as the standard library's frozen dataclasses with slots do."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace
from inspect import signature
from typing import Any, Generic, TypeAlias, TypeVar

import pytest

from authproxy_common.frozen import frozen

pytestmark = pytest.mark.requirement("CO-01")

T = TypeVar("T")
Decorator: TypeAlias = Callable[[Any], Any]

DECORATORS = [
    pytest.param((frozen, frozen(eq=False), frozen(kw_only=True)), id="ours"),
    pytest.param(
        (
            dataclass(frozen=True, slots=True),
            dataclass(frozen=True, slots=True, eq=False),
            dataclass(frozen=True, slots=True, kw_only=True),
        ),
        id="the standard library's",
    ),
]


class Kinds:
    """Classes, made by whichever it is."""

    def __init__(self, usual: Decorator, incomparable: Decorator, by_name: Decorator) -> None:
        @usual
        class Point:
            """With everything that a field can have."""

            x: int
            y: int = 0
            tags: list[str] = field(default_factory=list, compare=False)
            hidden: str = field(default="h", repr=False)
            double: int = field(init=False, compare=False)
            kept: int = field(init=False, default=8, repr=False)
            seen: list[int] = field(init=False, default_factory=list, repr=False, compare=False)

            def __post_init__(self) -> None:
                object.__setattr__(self, "double", self.x * 2)

        @usual
        class Nothing:
            """Without a field."""

        @usual
        class Point3(Point):
            """With a base."""

            z: int = 3

            def sum(self) -> int:
                return self.x + self.y + self.z

        @usual
        class Box(Generic[T]):
            """Of anything."""

            content: T

        @incomparable
        class Service:
            """Equal to itself alone."""

            port: int

        @by_name
        class Settings:
            """By name, in any order."""

            limit: int = 5
            name: str

        self.Point, self.Nothing, self.Point3, self.Box = Point, Nothing, Point3, Box
        self.Service, self.Settings = Service, Settings


@pytest.fixture(params=DECORATORS)
def kinds(request: pytest.FixtureRequest) -> Any:
    return Kinds(*request.param)


def test_fields_are_given_in_order_or_by_name_or_have_defaults(kinds: Any) -> None:
    point = kinds.Point(1, tags=["a"])
    assert (point.x, point.y, point.tags, point.hidden, point.double) == (1, 0, ["a"], "h", 2)
    assert kinds.Point(1).tags is not kinds.Point(1).tags
    assert (point.kept, point.seen) == (8, [])
    assert list(signature(kinds.Point).parameters) == ["x", "y", "tags", "hidden"]
    with pytest.raises(TypeError):
        kinds.Point()
    with pytest.raises(TypeError):
        kinds.Point(1, double=5)


def test_fields_by_name_alone_stand_in_any_order(kinds: Any) -> None:
    assert (kinds.Settings(name="n").limit, kinds.Settings(name="n", limit=6).limit) == (5, 6)
    with pytest.raises(TypeError):
        kinds.Settings("n")


def test_nothing_is_changed_added_or_deleted(kinds: Any) -> None:
    point = kinds.Point(1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2
    with pytest.raises((FrozenInstanceError, TypeError)):  # the latter is a fault of Python 3.11
        point.another = 2
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert point.x == 1
    assert not hasattr(point, "__dict__")


def test_instances_are_equal_by_the_fields_that_are_compared(kinds: Any) -> None:
    assert kinds.Point(1, 2, ["a"]) == kinds.Point(1, 2, ["b"])
    assert hash(kinds.Point(1, 2, ["a"])) == hash(kinds.Point(1, 2, ["b"]))
    assert kinds.Point(1) != kinds.Point(2)
    assert kinds.Point(1) != kinds.Point3(1)
    assert kinds.Nothing() == kinds.Nothing()
    assert len({kinds.Box(1), kinds.Box(1), kinds.Box(2)}) == 2
    with pytest.raises(TypeError):
        hash(kinds.Box([]))


def test_without_comparison_everyone_is_somebody_else(kinds: Any) -> None:
    service = kinds.Service(1)
    assert service == service  # noqa: PLR0124
    assert service != kinds.Service(1)
    assert len({service, kinds.Service(1)}) == 2


def test_what_is_shown_leaves_out_what_is_hidden(kinds: Any) -> None:
    assert repr(kinds.Point(1)).endswith("Point(x=1, y=0, tags=[], double=2)")
    around: list[Any] = []
    around.append(kinds.Box(around))
    assert "..." in repr(around[0])


def test_it_is_a_dataclass_to_those_who_ask(kinds: Any) -> None:
    point: Any = replace(kinds.Point3(1, z=5), x=2)
    assert point.sum() == 7
    assert is_dataclass(point)
    assert [each.name for each in fields(point)] == ["x", "y", "tags", "hidden", "double", "kept", "seen", "z"]
    match kinds.Point(1, 2):
        case kinds.Point(x, y):
            assert (x, y) == (1, 2)
