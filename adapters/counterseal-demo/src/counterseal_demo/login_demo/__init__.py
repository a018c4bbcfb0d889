"""
The demo of log-ins: one approval of a user whom an Identity Provider identifies.

The service listens at a loopback port, the provider at another one; all calls are HTTP.

- `login_demo.world`: a service in memory, a provider, a tenant, and the receiver of callbacks
- `login_demo.person`: a person with a browser and a device
- `login_demo.attacks`: ten attacks on the log-in
- `login_demo.story`: all steps in order, and their results
- `login_demo.report`: the results for a person or for a program
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
