# Each name that loads its module when it is first used: most calls need none of them.

from .rules.asked_actions import AskedAction as AskedAction
from .rules.asked_actions import document_warnings as document_warnings
from .rules.asked_actions import documents_allowed as documents_allowed
from .rules.asked_actions import reminder_due_at as reminder_due_at
