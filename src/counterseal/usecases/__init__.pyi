# Each function that loads its module when it is first called: most calls need none of them.

from ._idempotency import reserve as reserve
from .revalidation import read_account as read_account
from .revalidation import revalidate as revalidate
