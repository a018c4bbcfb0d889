# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from .forgeries import Attempt as Attempt
from .questions import ACCOUNT_ID as ACCOUNT_ID
from .questions import read as read
from .report import document as document
from .report import keepsakes as keepsakes
from .report import show as show
from .story import Story as Story
from .story import play as play
