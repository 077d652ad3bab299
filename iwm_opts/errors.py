"""Errors a user can act on: each names the parameter, the value, the rule and the remedy."""

from typing import Final

LONGEST: Final = 500  # characters of a message
LONGEST_PART: Final = 160  # of a source, a value or a remedy, where a message would be longer


def _message(head: str, rule: str, remedy: str) -> str:
    """`head: rule. Remedy.` in at most `LONGEST` printable characters; the rule is shortened first."""
    head, rule, remedy = (printable(part) for part in (head, rule, remedy))
    if remedy and not rule.endswith("..."):  # a sentence of another library ends with a full stop
        rule = rule.rstrip(". ")
    if not remedy.startswith("iwm-opts"):  # a command keeps its case
        remedy = remedy[:1].upper() + remedy[1:]
    tail = f". {remedy}{'' if remedy.endswith(('.', '?', '!')) else '.'}" if remedy else ""
    if len(head) + len(rule) + len(tail) + 2 > LONGEST:
        head = head if len(head) <= LONGEST_PART else "..." + head[3 - LONGEST_PART :]
        tail = tail if len(tail) <= LONGEST_PART else tail[: LONGEST_PART - 3] + "..."
        room = LONGEST - len(head) - len(tail) - 2
        rule = rule if len(rule) <= room else rule[: room - 3] + "..."
    return f"{head}: {rule}{tail}"


def printable(text: str, kept: str = "") -> str:
    """Text with control characters but those of `kept` written out: a cell of a file cannot drive a terminal."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() or mark in kept else repr(mark)[1:-1] for mark in text)


class IwmOptsError(Exception):
    """Base of every error this package raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        """Keep message and attributes of any subclass, where a worker hands the error to its parent."""
        return type(self).__new__, (type(self), *self.args), vars(self)


class InputError(IwmOptsError, ValueError):
    """A parameter breaks a rule."""

    def __init__(self, name: str, value: object, rule: str, remedy: str = "") -> None:
        self.name, self.value, self.rule, self.remedy = name, value, rule, remedy
        super().__init__(_message(f"{name}={value!r}", rule, remedy))


class DataError(IwmOptsError, ValueError):
    """A file or a feed breaks a rule; `field` names the column, key, row, day or other part of it at fault."""

    def __init__(self, source: object, rule: str, remedy: str = "", field: str = "") -> None:
        self.source, self.rule, self.remedy, self.field = str(source), rule, remedy, field
        super().__init__(_message(str(source), rule, remedy))


class ConflictError(InputError):
    """Parameters that contradict each other, or have no effect together."""
