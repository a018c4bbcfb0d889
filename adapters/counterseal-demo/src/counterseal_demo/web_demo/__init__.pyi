# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from .serving import serve as serve
