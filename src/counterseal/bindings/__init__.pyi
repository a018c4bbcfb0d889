# Each name that loads its module when it is first used: most calls need none of them.

from .documents.confirmation import Choice as Choice
from .documents.confirmation import Confirmation as Confirmation
from .documents.confirmation import comparison_code as comparison_code
from .documents.confirmation import typed_code as typed_code
