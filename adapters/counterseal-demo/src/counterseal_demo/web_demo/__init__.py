"""
The demo in a browser: a shop, a phone that is a web page, and the service between them.

- `journal`: the states that records had, in order
- `world`: the service, the shop and the forger, in one process
- `shop`: what the shop's server does
- `forger`: the forgeries of `approval_demo`, sent over HTTP
- `site`: the response to each request: the page, its calls, the web app, the service
- `serving`: a server on loopback, until a signal
"""

from counterseal._stub import public_names

__all__, __getattr__, __dir__ = public_names(__name__, __file__)
