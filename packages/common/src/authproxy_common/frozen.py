"""`@frozen` is `@dataclass(frozen=True, slots=True)`, for a quarter of what that takes to make a class.

The standard library writes six methods for every class and compiles each by itself: for two hundred classes that was a
fifth of a start. Here five are the same for every class, and `__init__` alone is written, since it is what calls run.
"""

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T], /) -> type[T]: ...
@overload
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(*, eq: bool = True, kw_only: bool = False, weakref_slot: bool = False) -> Callable[[type[T]], type[T]]: ...
def frozen(cls: type[T] | None = None, /, *, eq: bool = True, **options: bool) -> Any:
    """Make a dataclass with slots, whose instances never change.

    Args:
        cls: As it is written; without `__init__` and the like.
        eq: Whether instances with equal fields are equal, and have one hash.
        options: As the standard library has them.
    """

    def make(written: type[T]) -> type[T]:
        made: Any = dataclass(init=False, repr=False, eq=False, slots=True, **options)(written)
        made.__init__ = _init(made)
        made.__repr__, made.__setattr__, made.__delattr__ = _repr, _refuse_to_set, _refuse_to_delete
        if eq:
            made.__eq__, made.__hash__ = _comparison(made)
        return made  # type: ignore[no-any-return]

    return make if cls is None else make(cls)


def _init(cls: type[Any]) -> Any:
    """`__init__` with a parameter for each field, which it sets as nothing else can."""
    names: dict[str, Any] = {"_set_": object.__setattr__, "_missing_": MISSING}
    positional, by_name, body = ["self"], ["*"], []
    for each in fields(cls):
        name = parameter = value = each.name
        default = ""
        if each.default is not MISSING:
            default = f"_default_{name}_"
            names[default] = each.default
            parameter = f"{name}={default}"
        elif each.default_factory is not MISSING:
            default = f"_make_{name}_()"
            names[f"_make_{name}_"] = each.default_factory
            parameter, value = f"{name}=_missing_", f"{default} if {name} is _missing_ else {name}"
        if each.init:
            (by_name if each.kw_only else positional).append(parameter)
        if each.init or default:
            body.append(f"_set_(self, {name!r}, {value if each.init else default})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    signature = ", ".join(positional + (by_name if len(by_name) > 1 else []))
    exec(f"def __init__({signature}):\n {'; '.join(body) or 'pass'}", names)  # noqa: S102  # names of fields, no input
    made = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _comparison(cls: type[Any]) -> tuple[Any, Any]:
    """`__eq__` and `__hash__`."""
    compared = [each.name for each in fields(cls) if each.compare]
    values: Callable[[Any], Any] = attrgetter(*compared) if compared else lambda _instance: ()

    def is_equal(self: Any, other: Any) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(values(self))

    return is_equal, hashed


@recursive_repr()
def _repr(self: Any) -> str:
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({shown})"


def _refuse_to_set(_self: Any, name: str, _value: Any) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
