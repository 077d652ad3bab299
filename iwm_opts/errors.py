"""Errors a user can act on: each names the parameter, the value, the rule and the remedy."""


class IwmOptsError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(IwmOptsError, ValueError):
    """A parameter breaks a rule."""

    def __init__(self, name: str, value: object, rule: str, remedy: str = "") -> None:
        self.name, self.value, self.rule, self.remedy = name, value, rule, remedy
        super().__init__(f"{name} = {value!r}: {rule}" + (f"; {remedy}" if remedy else ""))


class DataError(IwmOptsError, ValueError):
    """A file or a feed breaks a rule."""

    def __init__(self, source: object, rule: str, remedy: str = "") -> None:
        self.source, self.rule, self.remedy = str(source), rule, remedy
        super().__init__(f"{source}: {rule}" + (f"; {remedy}" if remedy else ""))


class ConflictError(InputError):
    """Parameters that contradict each other, or have no effect together."""
