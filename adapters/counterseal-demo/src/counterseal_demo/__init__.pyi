# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from .relay import Relay as Relay
from .relay import forwarding as forwarding
from .relay import printing as printing
