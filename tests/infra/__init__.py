"""What tests run on: a real PostgreSQL and a real Kafka, processes of ours, HTTP providers of their own making.

servers.py      PostgreSQL and Kafka: from the environment, else testcontainers, else embedded
postgres.py     databases with migrated tables
processes.py    our services as processes that may be killed
serving.py      ASGI applications on a socket, and a client for them
topics.py       topics, and records written to and read from them
eventually.py   waiting for what is to come
"""
