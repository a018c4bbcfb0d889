"""The app's modules in a page, as the files that browsers load have them."""

import re

from counterseal_pwa import load_assets


def link_modules(script):
    """Return *script* with its imports of modules, such as "./dom.js", as a page has them."""
    return re.sub(r'await import\("\./([^"]+)"\)', lambda match: _module(match[1]), script)


def _module(path):
    """Return the JavaScript that is the module *path* of the sources, which the app has loaded."""
    line = f"// ---- {path}\n"
    files = (
        (name, asset.body.decode())
        for name, asset in load_assets().items()
        if asset.lasts and name.endswith(".js")
    )
    name, text = next((name, text) for name, text in files if line in text)
    scope = text.split(line)[1].split()[1]
    return f'(await import("./{name}")).{scope}'
