"""
Counterseal asks a person about one concrete action and brings back a signed answer.

The public names; everything else may change without notice. Each loads its module when it is
first used, so that a device, which imports `counterseal.device` alone, loads no service.
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
