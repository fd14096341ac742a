"""Everything on one machine: real PostgreSQL, real Kafka and every service, each its own supervised process.

jars.py         the pieces of Kafka: fetched once, checked against `kafka-jars.lock`
kafka.py        Kafka's configuration, format and command
postgres.py     PostgreSQL's cluster and command
plan.py         which parts run where, with which settings (pure)
processes.py    one part's process: started, restarted, stopped
leftovers.py    what a killed supervisor left running
files.py        the home's files: lock, secrets, `run.json`
display.py      what the person at the terminal sees
system.py       puts them together: start, run, stop
"""
