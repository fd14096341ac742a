"""`make bench`: how fast the relay is on this machine, on a real PostgreSQL and a real Kafka.

scenarios/      what is measured; each figure beside its limit in the same run
bare_loop.py    the limit of delivery: consume, POST, commit, keeping nothing
bare_handler.py the limit of the API: three inserts
receiver.py     the provider: costs as little as it can, counts what comes
machine.py      servers and processes
figures.py      figures, curves, medians
report.py       JSON, Markdown, plots
"""
