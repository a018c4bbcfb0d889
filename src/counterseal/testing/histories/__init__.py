"""
Histories: the whole core at work, checked by an oracle that shares no code with it.

`WholeCore` is a Hypothesis state machine: origins ask, phones answer, an attacker tries, workers
deliver, clocks jump, ports fail, replies are lost, processes die, and others come in between.
`counterseal.testing.histories.oracle` says what must hold.
"""

from __future__ import annotations

from counterseal.testing.histories.whole_core import WholeCore

__all__ = ["WholeCore"]
