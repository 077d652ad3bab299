"""A million exit variants over one ten-year market: CPU and peak memory, without and with the test against luck.

    python benchmarks/bench_million.py [--variants 1000000] [--draws 1000]

One thread. The market, its book and the kernels' compilation (a run of a thousand variants) are made before the clock
starts. The figures of a variant are those that `sweep` shows.
"""

import argparse
import os
import resource
import time
from dataclasses import replace

import numpy as np

from iwm_opts.api.rule_grid import RuleGrid, variants_of
from iwm_opts.api.rules import Rules
from iwm_opts.backtest.grid import DailyGains, Outcomes, run_variants, snooping_test
from iwm_opts.backtest.throughput import FIRST, LAST, bench_market
from iwm_opts.backtest.trial import Trial


def grid_of(count: int) -> dict[str, list[float]]:
    """Exits in about `count` combinations: every third of them trades differently from the others, or more."""
    levels = max(round((count / (25 * 20)) ** 0.5), 2)
    return {
        "profit": np.round(np.linspace(0.2, 0.9, levels), 4).tolist(),
        "stop": np.round(np.linspace(0.5, 4.0, levels), 4).tolist(),
        "exit_dte": list(range(1, 26)),
        "time_stop": list(range(5, 25)),
    }


def measured(name: str, call, count: int):
    start = time.process_time()
    result = call()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {name} | {seconds:.1f} | {seconds / count * 1e6:.0f} | {peak:.0f} |", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=1_000)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    trials = [Trial(*bench_market(FIRST, LAST))]
    base = Rules()

    def run(count: int, is_shown: bool) -> None:
        grid = grid_of(count)
        rules = RuleGrid(grid, lambda values: replace(base, **values))
        total = len(rules)
        show = measured if is_shown else lambda name, call, count: call()
        variants = show("rules", lambda: variants_of(grid, rules), total)
        outcomes = show("figures", lambda: Outcomes.joined(list(run_variants(trials, variants, 1))), total)
        gains = DailyGains.of(trials, variants, 1)
        distinct = len(np.unique(outcomes.digests))
        name = f"test against luck, {distinct:,} trade differently"
        test = show(name, lambda: snooping_test(outcomes, gains.family, 10.0, 1, options.draws), total)
        if is_shown and test:
            print(f"\n{total:,} variants, p {test.p_consistent:.3f}, overfitting {test.overfitting_probability:.3f}")

    run(1_000, False)
    print("| work | s | us a variant | peak MB |\n| --- | ---: | ---: | ---: |")
    run(options.variants, True)


if __name__ == "__main__":
    main()
