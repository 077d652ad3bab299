"""The options of one call: their values, and which of them were typed."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import update_wrapper
from pathlib import Path
from typing import Final, TypeVar

import click
from click.core import ParameterSource

from iwm_opts.errors import IwmOptsError

Request = TypeVar("Request")

NAMED: Final = re.compile(r"`([a-z_]+)`")  # a parameter of the API in a message
PRESENTATION: Final = frozenset({"output", "plot", "format", "overwrite", "quiet", "verbose", "threads"})


class Values(Mapping[str, object]):
    """Values of a command's options by their Python names.

    Parameters
    ----------
    values : mapping
    typed : frozenset of str
        Options given on the command line.
    given : frozenset of str
        Options given anywhere: command line, variable or configuration file.
    command : click.Command, optional
        Whose options they are.
    """

    def __init__(
        self,
        values: Mapping[str, object],
        typed: frozenset[str] = frozenset(),
        given: frozenset[str] = frozenset(),
        command: click.Command | None = None,
    ) -> None:
        self._values, self.typed, self.given, self.command = dict(values), typed, given, command

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def replaced(self, **values: object) -> "Values":
        """Return the same call with other values."""
        return Values(self._values | values, self.typed, self.given | set(values), self.command)

    def without(self, *names: str) -> "Values":
        """Return the same call without some options."""
        kept = {name: value for name, value in self.items() if name not in names}
        return Values(kept, self.typed, self.given, self.command)

    def asked(self) -> dict[str, object]:
        """Options given anywhere that bear on a result, days as text: saved with it."""
        kept = {name: value for name, value in self.items() if name in self.given and name not in PRESENTATION}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in kept.items()}

    def text(self, name: str) -> str:
        """Text; empty where it is off."""
        value = self._values[name]
        return "" if value is None else str(value)

    def number(self, name: str) -> float:
        """Return the number."""
        value = self._values[name]
        assert isinstance(value, int | float)  # as click converted it
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Values of an option that may repeat."""
        value = self._values[name]
        return tuple(map(str, value)) if isinstance(value, tuple | list) else ()

    def day(self, name: str) -> date | None:
        """Day; None where the option is off."""
        value = self._values[name]
        return value if isinstance(value, date) else None

    def path(self, name: str) -> Path | None:
        """Path; None where the option is off."""
        return Path(self.text(name)) if self._values.get(name) else None

    def flag(self, name: str) -> bool:
        """Flag; False where the command has none of that name."""
        return bool(self._values.get(name))

    def check_not_typed(self, names: tuple[str, ...], reason: str) -> None:
        """Refuse options that have no effect here."""
        for name in names:
            if name in self.typed:
                raise click.UsageError(f"{option_name(name)} {reason}")

    @classmethod
    def of(cls, context: click.Context) -> "Values":
        """Values of a click call."""
        sources = {name: context.get_parameter_source(name) for name in context.params}
        typed = frozenset(name for name, source in sources.items() if source is ParameterSource.COMMANDLINE)
        default = (None, ParameterSource.DEFAULT)
        given = frozenset(name for name, source in sources.items() if source not in default)
        return cls(context.params, typed, given, context.command)


def option_name(name: str) -> str:
    """`--short-delta` of short_delta."""
    return f"--{name.replace('_', '-')}"


def with_options(text: str, command: click.Command | None) -> str:
    """Text whose parameters in backticks are the command's options: `as_of` of an error or a note is --as-of."""
    options = {parameter.name: parameter.opts for parameter in command.params} if command else {}

    def option_of(name: str) -> str:
        return option_name(name) if option_name(name) in options[name] else max(options[name], key=len)

    return NAMED.sub(lambda match: option_of(match[1]) if match[1] in options else match[0], text)


def takes_values(function: Callable[[Values], None]) -> Callable[..., None]:
    """Hand a command its options as `Values`."""

    @click.pass_context
    def command(context: click.Context, /, **_: object) -> None:
        try:
            function(Values.of(context))
        except IwmOptsError as error:
            error.args = (with_options(str(error), context.command),)
            raise

    return update_wrapper(command, function)


def build(make: Callable[..., Request], values: Values, **given: object) -> Request:
    """Request whose fields are the options of the same names; `given` goes over them."""
    fields: Mapping[str, object] = getattr(make, "__dataclass_fields__")  # noqa: B009  # a callable has none to mypy
    return make(**{name: values[name] for name in fields if name in values} | given)
