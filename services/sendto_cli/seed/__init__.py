"""Realistic orders to try the system with.

people.py     names, phones and places of several countries
orders.py     bodies of new orders, made from a seed (pure)
compare.py    what the provider should hold of them, and where it differs (pure)
run.py        writes them through the API and asks the provider
"""
