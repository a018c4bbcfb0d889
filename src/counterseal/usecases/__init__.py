"""
Use cases: what a service does for origins, devices, workers and administrators.

A use case does what must happen once, and names the records to read. A transaction reads them,
lets `counterseal._decisions` decide, and commits.

Every method raises `Unavailable` if a port fails. The same call may then be tried again; a call
that creates something is safe to repeat only with an idempotency key.
"""

from counterseal._stub import public_names

_, __getattr__, __dir__ = public_names(__name__, __file__)
