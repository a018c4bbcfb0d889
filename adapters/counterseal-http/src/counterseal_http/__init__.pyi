# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from .authorities import Authorities as Authorities
from .authorities import add_certificates as add_certificates
from .authorities import load_authorities as load_authorities
from .authorities import load_machine_authorities as load_machine_authorities
from .budget import Budget as Budget
from .client import GuardedClient as GuardedClient
from .client import guarded_client as guarded_client
from .errors import CertificateRefused as CertificateRefused
from .errors import Forbidden as Forbidden
from .errors import NotAttempted as NotAttempted
from .errors import Unresolved as Unresolved
from .errors import describe_failure as describe_failure
from .fan_out import FanOut as FanOut
from .guard import Guard as Guard
from .networks import WEB_PORTS as WEB_PORTS
from .resolver import Resolver as Resolver
from .resolver import SystemResolver as SystemResolver
from .retry_after import requested_wait as requested_wait
from .sender import HttpCallbackSender as HttpCallbackSender
from .transport import GuardedTransport as GuardedTransport
