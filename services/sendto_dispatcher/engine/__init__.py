"""Claims due lanes, carries out attempts, settles their outcomes."""
