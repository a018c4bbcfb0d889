"""The project for a WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

from counterseal_django import approvals
from counterseal_web.closing import close_on_signal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
application = get_wsgi_application()
close_on_signal(approvals().service)
