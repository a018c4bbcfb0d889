# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from .notifier import RelayNotifier as RelayNotifier
from .payload import FRAMEWORKS as FRAMEWORKS
from .received_push import PushRefused as PushRefused
from .received_push import ReceivedPush as ReceivedPush
from .received_push import read_push as read_push
from .received_push import read_secret as read_secret
from .received_push import read_secrets as read_secrets
