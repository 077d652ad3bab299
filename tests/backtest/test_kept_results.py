"""Results of a stopped run's tasks: read again by the next, gone after it."""

import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from iwm_opts.backtest import kept_results
from iwm_opts.errors import DataError
from iwm_opts.io.mapping import in_order


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("IWM_OPTS_CACHE", str(tmp_path))
    return tmp_path / kept_results.TASKS


class StopError(Exception):
    pass


def powers(base, item):
    return np.array([base**item, item], dtype=np.float64)


def mapper_of(done, stop_after=99):
    def mapper(function, items):
        for place, item in enumerate(items):
            if len(done) == stop_after:
                raise StopError
            done.append(item)
            yield place, function(item)

    return mapper


def test_a_lost_cluster_is_one_line_with_what_is_kept(folder):
    def lost(function, items):
        yield 0, function(items[0])
        raise DataError("cluster", "lost (CommClosedError)", "start it, and run the command again")

    words = "cluster: lost (CommClosedError). 1 of 5 tasks are kept: start it, and run the command again."
    with pytest.raises(DataError) as raised, kept_results.kept_results(lost) as mapper:
        in_order(mapper, partial(powers, 3.0), range(5))
    assert str(raised.value) == words
    assert len(list(folder.rglob("*.npy"))) == 1


def run(done, items, stop_after=99, base=3.0, data=None):
    with kept_results.kept_results(mapper_of(done, stop_after), data) as mapper:
        return in_order(mapper, partial(powers, base), items)


def test_a_stopped_run_goes_on(folder):
    with pytest.raises(StopError):
        run([], range(5), stop_after=3)
    assert len(list(folder.rglob("*.npy"))) == 3
    done = []
    np.testing.assert_array_equal(run(done, range(5)), [powers(3.0, item) for item in range(5)])
    assert done == [3, 4]
    assert not list(folder.rglob("*.npy"))


@pytest.mark.parametrize("change", [{"base": 2.0}, {"data": "other prices"}])
def test_results_of_another_function_or_data_are_not_read(change):
    with pytest.raises(StopError):
        run([], range(5), stop_after=3)
    done = []
    run(done, range(5), **change)
    assert done == [0, 1, 2, 3, 4]


def test_a_damaged_result_is_computed_again(folder):
    with pytest.raises(StopError):
        run([], range(5), stop_after=3)
    first, *_ = folder.rglob("*.npy")
    first.write_bytes(first.read_bytes()[:-3])
    done = []
    np.testing.assert_array_equal(run(done, range(5)), [powers(3.0, item) for item in range(5)])
    assert len(done) == 3


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_results_are_their_owners_alone(folder):
    with pytest.raises(StopError):
        run([], range(5), stop_after=3)
    (of_run,) = folder.iterdir()
    assert of_run.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in of_run.iterdir()} == {0o600}


def test_results_of_stopped_runs_are_cleared(folder):
    with pytest.raises(StopError):
        run([], range(5), stop_after=3)
    assert kept_results.clear() > 0
    assert not folder.exists()


def test_results_unused_for_long_are_removed(folder):
    with pytest.raises(StopError):
        run([], range(5), stop_after=3)
    (of_run,) = folder.iterdir()
    os.utime(of_run, (0, 0))
    run([], range(2), base=2.0)
    assert not of_run.exists()


def test_digests_hold_in_another_process():
    """Pickles of the rules and the market's request do not depend on the seed of the process's hashes."""
    code = (
        "import iwm_opts as iwm\n"
        "from iwm_opts.api.markets import MarketRequest\n"
        "from iwm_opts.backtest.cluster import digest\n"
        "rules = iwm.Rules(ivr_below=20, profit=0.5).resolved()\n"
        "print(digest((rules, iwm.simulated_market(years=1, paths=1, seed=3).request)))\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1
