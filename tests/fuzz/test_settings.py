"""Damaged and odd plans, scenarios, parameters, configurations and kept records; see conftest for how to run more."""

import importlib.resources
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np
import pytest

from iwm_opts.cli.main import cli
from iwm_opts.errors import InputError
from iwm_opts.plans.plan import load_plan
from iwm_opts.simulation.parameters import load_parameters
from iwm_opts.simulation.scenarios import load_scenarios

ODD_VALUES = (
    "1", "-1", "0", "1e400", "nan", "inf", "-inf", "true", "[]", "[1, 2]", "{}", "{a = 1}", '""', '"x"', "1979-05-27",
    "07:32:00", "99999999999999999999999", "1e-300",
    '"[bold]x[/]"', '"\\u001b[31m"', "'../../x'", '"' + "a" * 20_000 + '"',
    "9" * 401, "9" * 5_001, "0x" + "f" * 5_001, "[" * 5_000, "{a=" * 2_000, "-" * 9_000,
    "[[1], ['a']]", "0x1F", "'''\nx'''", "{a = {b = [1]}}", "1_000",
    "[" * 200 + "]" * 200, "[nan]", '["x", 1]', "1e308",
    "'off'", "5%", "''", '"\\u0000"', "'\u202e'", "'iron-condor'", "2262-04-12", "0001-01-01", "9999-12-31",
)  # fmt: skip
CONFIGURATION = """
[defaults]
account = 50000
risk = "1%"
[size]
max-loss = 395
package-buying-power = 395
max-contracts = 3
"""


def _shipped(name: str) -> str:
    return importlib.resources.files("iwm_opts.simulation").joinpath(name).read_text(encoding="utf-8")


def read_config(path: Path) -> None:
    """Run `size` on a configuration; what click refuses is an error with a remedy too."""
    try:
        cli.main(["--config", str(path), "size"], prog_name="iwm-opts", standalone_mode=False)
    except click.ClickException as error:
        raise InputError("config", path.name, " ".join(error.format_message().split())) from None


PLANS = sorted(Path(__file__).parents[2].joinpath("examples/plans").glob("*.toml"))
KINDS: dict[str, tuple[Callable[[int], str], Callable[[Path], object]]] = {
    "plan": (lambda seed: PLANS[seed % len(PLANS)].read_text(encoding="utf-8"), load_plan),
    "scenario": (lambda seed: _shipped("scenarios.toml"), load_scenarios),
    "parameters": (lambda seed: _shipped("iwm.toml"), load_parameters),
    "config": (lambda seed: CONFIGURATION, read_config),
}


def mutated_text(text: str, rng: np.random.Generator) -> bytes:
    """TOML with other values, keys, tables and bytes."""
    lines = text.splitlines()
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(lines)))
        odd = ODD_VALUES[int(rng.integers(len(ODD_VALUES)))]
        choice = int(rng.integers(12))
        key, mark, _ = lines[place].partition("=")
        if choice <= 5 and mark:
            lines[place] = f"{key}= {odd}"
        elif choice == 6:
            del lines[place]
        elif choice == 7:
            lines.insert(place, lines[int(rng.integers(len(lines)))])
        elif choice == 8:
            lines.insert(place, f"odd = {odd}")
        elif choice == 9:
            lines[place] = lines[place].replace("]", "x]").replace("=", "x =")
        elif choice == 10:
            lines.insert(place, ("[odd]", "[[account]]", "[account]", "[" * 50)[int(rng.integers(4))])
        if not lines:
            lines = [""]
    data = bytearray("\n".join(lines).encode())
    if data and rng.integers(8) == 0:
        for _ in range(int(rng.integers(1, 10))):
            data[int(rng.integers(len(data)))] = int(rng.integers(256))
    return bytes(data)


def run_case(kind: str, seed: int, folder: Path, fuzz) -> None:
    """Read one damaged text."""
    make, read = KINDS[kind]
    path = folder / f"{kind}-{seed}.toml"
    path.write_bytes(mutated_text(make(seed), np.random.default_rng([seed, list(KINDS).index(kind)])))
    fuzz.attempt(kind, seed, partial(read, path), is_setting=kind != "config")
    path.unlink()


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_setting_is_an_error_of_the_package_or_sound(kind, tmp_path, fuzz, capsys):
    def case(seed: int) -> None:
        run_case(kind, seed, tmp_path, fuzz)
        capsys.readouterr()

    fuzz.each(kind, case)


def test_past_findings_stay_mended(corpus, fuzz):
    for path in corpus:
        kind = path.name.partition("-")[0]
        if kind in KINDS:
            fuzz.attempt(kind, path.name, partial(KINDS[kind][1], path), is_setting=kind != "config")
