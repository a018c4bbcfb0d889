# Each function that loads its module when it is first called: most calls need none of them.

from .asked_actions import displayed_action as displayed_action
from .asked_actions import reminder_due_at as reminder_due_at
from .logos import logo_fits as logo_fits
from .policies import edited_app_space_policy as edited_app_space_policy
from .policies import edited_origin_policy as edited_origin_policy
from .policies import new_devices_fit as new_devices_fit
from .verified_names import require_distinct as require_distinct
from .verified_names import verified_name_fits as verified_name_fits
