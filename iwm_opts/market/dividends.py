"""Cash dividends ahead: given by the user, or last year's projected and named so."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

ONE_YEAR = timedelta(days=364)  # whole weeks: a dividend keeps its weekday
SAME_PAYMENT = timedelta(days=20)  # a projection this close to a known ex-date is that payment


LARGE = 0.05  # of the price of a share: a year of an ETF pays less; a slip of the point, or a special dividend


@dataclass(frozen=True, slots=True, order=True)
class Dividend:
    """One cash dividend, dollars a share."""

    ex_date: date
    amount: float
    projected: bool = False


@dataclass(frozen=True, slots=True)
class DividendSchedule:
    """Dividends known or projected, in order of ex-date; `None` in place of a schedule means unknown."""

    dividends: tuple[Dividend, ...]
    source: str
    notes: tuple[str, ...] = ()  # rows of the file left out or doubted, and how it was read

    def between(self, after: date, until: date) -> tuple[Dividend, ...]:
        """Dividends with an ex-date after `after` and up to `until`."""
        return tuple(d for d in self.dividends if after < d.ex_date <= until)

    def large(self, price: float) -> list[str]:
        """Note on dividends of an implausible fraction of the price of a share, dollars."""
        above = [dividend for dividend in self.dividends if dividend.amount > LARGE * price]
        first = f"${above[0].amount:g} on {above[0].ex_date}" if above else ""
        return [f"dividends above {LARGE:.0%} of spot, taken as given: {len(above)} (first: {first})"] if above else []

    def projected_to(self, today: date, until: date) -> "DividendSchedule":
        """Schedule as seen on `today`, carried on to `until` by repeating the last year's payments.

        Payments that are given keep their place; a projected one is dropped where a given one is near.
        """
        given = list(self.dividends)
        past_year = [d for d in given if today - ONE_YEAR <= d.ex_date <= today] or given[-4:]
        schedule = list(given)
        for payment in past_year:
            ex_date = payment.ex_date + ONE_YEAR
            while ex_date <= until:
                if ex_date > today and all(abs(ex_date - d.ex_date) > SAME_PAYMENT for d in schedule):
                    schedule.append(Dividend(ex_date, payment.amount, projected=True))
                ex_date += ONE_YEAR
        return replace(self, dividends=tuple(sorted(schedule)))
