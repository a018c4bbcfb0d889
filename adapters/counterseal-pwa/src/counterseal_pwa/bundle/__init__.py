"""
Bundle: the files that browsers load, made of the app's modules by concatenation.

Each module becomes a function, so that equal names in two modules stay apart; its text stays as it
is written, but for `import` and `export`. The same modules make the same bytes.

The build of a wheel imports this package by itself, before any other is installed: it uses nothing
but the standard library, and its modules import each other by relative names.
"""
