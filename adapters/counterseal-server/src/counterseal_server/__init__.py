"""
Counterseal as a program: it connects the adapters to the core, and has the commands.

Its names are what the commands call. Each loads its module when it is first used, so that a
command's help loads none of them, and a command only what it needs.
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
