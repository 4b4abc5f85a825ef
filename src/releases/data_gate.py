"""The gate's first part: checks of the data that a training is about to use. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from src.core.number_format import percent
from src.ingestion.data_checks import Check, DataFigures, Thresholds, check_data, check_of

_DATA = Thresholds()
_MIN_KNOWN, _MAX_REJECTED, _MORE_REJECTED = 0.5, 0.2, 0.1
_NEXT_TIME = "the next training takes them as they are, as does train_model.py --force"
_FEW_ROWS = 100


@dataclass(frozen=True)
class Arrivals:
    """Files loaded since the last training.

    Attributes:
        rows_read: Rows of the newest file of each series.
        rows_rejected: Rows of these that were rejected.
        usually_rejected: Share of rows that was rejected in the files before these.
        known_products: Share of the current release's products that are in the data; None if it has none.
        known_before: Share of the loaded events' products that the store knew before; None if that is not known.
    """

    rows_read: int = 0
    rows_rejected: int = 0
    usually_rejected: float = 0.0
    known_products: float | None = None
    known_before: float | None = None


def check_events(now: DataFigures, before: DataFigures | None, arrivals: Arrivals) -> list[Check]:
    """Check the data of a training.

    Args:
        now: The data, counted.
        before: The data of the current release; None without one.
        arrivals: What was loaded since.

    Returns:
        The checks, passed or not.
    """
    checks = check_data(now, before, _DATA)
    if arrivals.rows_read >= _FEW_ROWS:
        share = arrivals.rows_rejected / arrivals.rows_read
        most = max(_MAX_REJECTED, arrivals.usually_rejected + _MORE_REJECTED)
        checks.append(
            check_of(
                "rejected rows",
                share <= most,
                f"{percent(share)} of the {arrivals.rows_read:,} rows loaded since the last training",
                f"at most {percent(most)}",
                f"see var/rejects for the reasons and load the files right; {_NEXT_TIME}",
                share=share,
                n=arrivals.rows_read,
                share_most=most,
            )
        )
    if arrivals.known_before is not None:
        checks.append(
            check_of(
                "loaded products",
                arrivals.known_before >= _DATA.min_known_products,
                f"the store knew {percent(arrivals.known_before)} of the products of the events loaded since the last "
                "training",
                f"at least {percent(_DATA.min_known_products)}",
                "compare some ids of the files with those of before (leading zeros, prefixes, another system's "
                f"numbers); if they are right, nothing is to be done; {_NEXT_TIME}",
                share=arrivals.known_before,
                share_least=_DATA.min_known_products,
            )
        )
    if arrivals.known_products is not None:
        checks.append(
            check_of(
                "known products",
                arrivals.known_products >= _MIN_KNOWN,
                f"{percent(arrivals.known_products)} of the current release's products are still in the data",
                f"at least {percent(_MIN_KNOWN)}",
                "compare some ids with those of before (leading zeros, prefixes, another system's numbers); if it was "
                "meant, train by hand: python train_model.py --force",
                share=arrivals.known_products,
                share_least=_MIN_KNOWN,
            )
        )
    return checks
