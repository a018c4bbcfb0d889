"""
Counterseal over HTTP, in anyone's Flask app: the API, and the device in the browser.

    url = "https://shop.example/auth"
    service = Service(ports, policy, Settings(public_url=url, app_url=url + "/app"))
    app = Flask(__name__)
    Counterseal(app, service=service, pages=counterseal_pwa.Pages(), url_prefix="/auth")

`create_blueprints` and the other functions return the blueprints one by one.
"""

from __future__ import annotations

from counterseal_flask.blueprints import (
    admin_blueprint,
    create_blueprints,
    device_blueprint,
    pages_blueprint,
    service_blueprint,
)
from counterseal_flask.extension import Counterseal
from counterseal_web import Approvals, Service, Settings

__all__ = [
    "Approvals",
    "Counterseal",
    "Service",
    "Settings",
    "admin_blueprint",
    "create_blueprints",
    "device_blueprint",
    "pages_blueprint",
    "service_blueprint",
]
