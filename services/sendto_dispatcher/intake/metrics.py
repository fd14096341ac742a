"""What the intake counts."""

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter("sendto_intake_events_total", "Events by what became of them.", ["verdict"])
REJECTED = Counter("sendto_intake_rejected_total", "Records that are no events of ours, by reason.", ["reason"])
BATCH_SECONDS = Histogram("sendto_intake_batch_seconds", "Time of one batch, decoding to commit.")
LAG = Gauge("sendto_intake_lag_records", "Records of assigned partitions that are not yet taken.", ["partition"])
GAP = Counter("sendto_intake_gap_records_total", "Records that had left the topic before they were taken.")
BEHIND = Counter(
    "sendto_intake_database_behind_total", "Times that the database was found to have lost commits of a partition."
)
RESET = Counter(
    "sendto_intake_position_reset_total", "Positions that were thrown away: another cluster, or past its end."
)
