# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from .report import document as document
from .report import keepsakes as keepsakes
from .report import show as show
from .story import Story as Story
from .story import play as play
from .world import open_world as open_world
