# Each function that loads its module when it is first called: most calls need none of them.

from .usecases.revalidation import read_account as read_account
from .usecases.revalidation import revalidate as revalidate
