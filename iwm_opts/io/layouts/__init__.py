"""Registry of vendors' layouts: one description a vendor, one file a family."""

from typing import Final

from iwm_opts.io.layouts import brokers, histories, services
from iwm_opts.io.layouts.layout import VendorLayout

LAYOUTS: Final[tuple[VendorLayout, ...]] = (*brokers.LAYOUTS, *services.LAYOUTS, *histories.LAYOUTS)


def layout_of(names: frozenset[str]) -> VendorLayout | None:
    """Vendor whose proof a file's plain names show."""
    return next((layout for layout in LAYOUTS if names.issuperset(layout.proof)), None)
