"""
Use cases: what a service does for origins, devices, workers and administrators.

A use case does what has to happen once, names what to read, and hands both to a transaction, which
lets `counterseal._decisions` decide. It decides nothing itself.
"""
