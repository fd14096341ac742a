"""`make bench`: how fast the whole relay is on this machine, on real servers."""
