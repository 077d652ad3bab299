"""Base of results with an equity: its plot, and the picture with its drawdown."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from iwm_opts.api.result import Result, new_axes
from iwm_opts.backtest.trial import PooledResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class EquityResult(Result):
    """Result of one or several sets of rules on the same market."""

    __slots__ = ()

    @abstractmethod
    def arms(self) -> list[tuple[str, PooledResult]]:
        """Name the sets of rules, the strategy first."""

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Equity of every set of rules, dollars: each path and their mean."""
        from iwm_opts.report.backtest_plot import draw_equity

        axes = new_axes(ax)
        draw_equity(axes, self.arms())
        return axes

    def picture(self, suffix: str) -> bytes:
        """Equity and drawdown as PNG, SVG or PDF."""
        from iwm_opts.report.backtest_plot import equity_picture

        return equity_picture(self.arms(), suffix.removeprefix(".").lower())
