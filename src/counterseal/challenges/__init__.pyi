# Each name that loads its module when it is first used: most calls need none of them.

from .rules.asked_actions import AskedAction as AskedAction
from .rules.asked_actions import reminder_due_at as reminder_due_at
