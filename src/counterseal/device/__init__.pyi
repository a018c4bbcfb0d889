# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from counterseal.bindings.documents.device import Bond as Bond

from .confirming import comparison_code_of as comparison_code_of
from .confirming import own_comparison_code as own_comparison_code
from .confirming import sign_confirmation as sign_confirmation
from .document import device_document as device_document
from .document import read_device as read_device
from .html import HtmlText as HtmlText
from .html import read_html as read_html
from .lookalikes import AppSpaceIdentity as AppSpaceIdentity
from .lookalikes import Lookalike as Lookalike
from .lookalikes import find_lookalikes as find_lookalikes
from .pin import WrappedKey as WrappedKey
from .ports import KeyStore as KeyStore
from .ports import PinVerification as PinVerification
from .ports import Purpose as Purpose
from .ports import Rotation as Rotation
from .ports import SoftwareKeys as SoftwareKeys
from .ports import Unlocking as Unlocking
from .ports import UserVerification as UserVerification
from .software import SoftwareDevice as SoftwareDevice
