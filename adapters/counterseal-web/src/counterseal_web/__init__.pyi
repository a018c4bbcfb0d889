# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from .admin import ADMIN_API as ADMIN_API
from .application import Application as Application
from .approvals import Approvals as Approvals
from .browser_pages import MOUNT as MOUNT
from .browser_pages import BrowserPages as BrowserPages
from .closing import close_on_signal as close_on_signal
from .description import OPERATIONS as OPERATIONS
from .description import openapi as openapi
from .merged_description import merge_description as merge_description
from .messages import REQUEST_ID as REQUEST_ID
from .messages import Request as Request
from .messages import Response as Response
from .problems import STATUS as STATUS
from .service import Service as Service
from .settings import Settings as Settings
