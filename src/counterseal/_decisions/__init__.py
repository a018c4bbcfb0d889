"""
What decides, and does no I/O: pure functions from what was read to what is to be committed.

Nothing in this package may import the ports or the transaction, not even indirectly.
`counterseal._decisions.plan` says what a decision gets and what it returns, and
`counterseal._transaction` runs it. What a call refuses, its public verb in `counterseal.usecases`
says.
"""

from counterseal._stub import public_names

_, __getattr__, __dir__ = public_names(__name__, __file__)
