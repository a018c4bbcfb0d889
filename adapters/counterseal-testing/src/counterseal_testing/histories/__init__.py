"""
Histories: the whole core at work, checked by an oracle that shares no code with it.

`WholeCore` is a Hypothesis state machine: origins ask, phones answer, an attacker tries, workers
deliver, clocks jump, ports fail, replies are lost, processes die, and others come in between.
`NewDevices` is another one: phones invite others and decide on them, and passkeys answer.
`Refusals` is a third one: people refuse for reasons and lock their accounts, App Spaces and origins
narrow the policy, and events reach the origins.
`ApprovedActions` is a fourth one: people approve actions, and origins use them once, and report.
`counterseal_testing.histories.oracle` says what must hold.

`OwnApp` is about the program above the core: a person approves and refuses what an app asks.
"""

from __future__ import annotations

from counterseal_testing.histories.action_rules import ApprovedActions
from counterseal_testing.histories.new_device_rules import NewDevices
from counterseal_testing.histories.own_app import OwnApp
from counterseal_testing.histories.refusal_rules import Refusals
from counterseal_testing.histories.whole_core import WholeCore

__all__ = ["ApprovedActions", "NewDevices", "OwnApp", "Refusals", "WholeCore"]
