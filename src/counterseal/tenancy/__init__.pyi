# Each name that loads its module when it is first used: most calls need none of them.

from .decisions.ensuring import TenancyDraft as TenancyDraft
from .decisions.ensuring import derive_guids as derive_guids
from .decisions.ensuring import ensure_tenancy as ensure_tenancy
from .rules.logos import logo_fits as logo_fits
from .rules.policies import edited_app_space_policy as edited_app_space_policy
from .rules.policies import edited_origin_policy as edited_origin_policy
from .rules.policies import new_devices_fit as new_devices_fit
from .rules.verified_names import require_distinct as require_distinct
from .rules.verified_names import verified_name_fits as verified_name_fits
