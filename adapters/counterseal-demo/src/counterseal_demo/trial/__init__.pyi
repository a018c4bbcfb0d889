# Each public name, once: type checkers read this, and `counterseal._stub` at run time.

from .npm import NodeMissing as NodeMissing
from .npm import RegistryUnreachable as RegistryUnreachable
from .npm import TrialBroken as TrialBroken
from .npm import is_installed as is_installed
from .npm import provider_folder as provider_folder
from .provider import TrialProvider as TrialProvider
