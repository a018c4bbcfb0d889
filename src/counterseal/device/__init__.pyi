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
from .parts import KeyStore as KeyStore
from .parts import PinVerification as PinVerification
from .parts import Purpose as Purpose
from .parts import Rotation as Rotation
from .parts import SoftwareKeys as SoftwareKeys
from .parts import Unlocking as Unlocking
from .parts import UserVerification as UserVerification
from .pin import WrappedKey as WrappedKey
from .software import SoftwareDevice as SoftwareDevice
