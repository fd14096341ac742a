"""Acme, as sendto speaks to it."""

from sendto_acme.adapter import AcmeAdapter
from sendto_acme.config import AcmeConfig

__all__ = ["AcmeAdapter", "AcmeConfig"]
