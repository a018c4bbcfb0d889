# Each function that loads its module when it is first called: most calls need none of them.

from .decisions.claims import claim_new_callback as claim_new_callback
