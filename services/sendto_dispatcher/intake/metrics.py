"""What the intake counts. Labels are there from the start, so that a first increase is seen as one."""

from prometheus_client import Counter, Gauge, Histogram

from sendto.events.decode import RejectReason
from sendto_dispatcher.domain.fold import TakeVerdict
from sendto_dispatcher.store.taking import Taken

EVENTS = Counter("sendto_intake_events_total", "Events by what became of them.", ["verdict"])
REJECTED = Counter("sendto_intake_rejected_total", "Records that are no events of ours, by reason.", ["reason"])
UNROUTED = Counter("sendto_intake_unrouted_total", "States of orders that no route takes anywhere.")
BATCH_SECONDS = Histogram("sendto_intake_batch_seconds", "Time of one batch from its first statement to its commit.")
LAG = Gauge("sendto_intake_lag_records", "Records of assigned partitions that are not yet taken.", ["partition"])
GAP = Counter("sendto_intake_gap_records_total", "Records that had left the topic before they were taken.")
BEHIND = Counter(
    "sendto_intake_database_behind_total", "Times that the database was found to have lost commits of a partition."
)
RESET = Counter(
    "sendto_intake_position_reset_total", "Positions that were thrown away: another cluster, or past its end."
)
_LAST = Gauge(
    "sendto_intake_incident_timestamp_seconds",
    "When this process last found it, Unix time; 0: never. Counters of a process that just started show no increase.",
    ["incident"],
)
GAP_FOUND, BEHIND_FOUND, RESET_FOUND = (_LAST.labels(name) for name in ("gap", "database_behind", "position_reset"))

for _verdict in (*TakeVerdict, "dropped"):
    EVENTS.labels(_verdict)
for _reason in RejectReason:
    REJECTED.labels(_reason)


def taken(batch: Taken) -> None:
    """Count what became of a batch."""
    for verdict, number in batch.verdicts.items():
        EVENTS.labels(verdict).inc(number)
    for reason, number in batch.rejected.items():
        REJECTED.labels(reason).inc(number)
    UNROUTED.inc(batch.unrouted)
