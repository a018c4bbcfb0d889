# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from counterseal.bindings.documents.confirmation import Choice as Choice
from counterseal_http.devices import DeviceCalls as DeviceCalls
from counterseal_http.devices import HttpTransport as HttpTransport
from counterseal_http.devices import ServiceRefused as ServiceRefused
from counterseal_http.devices import ServiceUnreachable as ServiceUnreachable

from .addresses import add_address as add_address
from .addresses import remove_address as remove_address
from .addresses import set_addresses as set_addresses
from .app import read_language as read_language
from .device import DeviceClient as DeviceClient
from .home import Home as Home
from .home import lookalikes_beside as lookalikes_beside
from .login import log_in as log_in
from .new_devices import decide_on_device as decide_on_device
from .new_devices import find_new_device as find_new_device
from .new_devices import invite_device as invite_device
from .new_devices import list_new_devices as list_new_devices
from .push_receiver import PushReceiver as PushReceiver
from .push_receiver import ReceivedPush as ReceivedPush
from .rotation import rotate as rotate
