"""The commands of the service, each group in a module of its own; `cli` lists them."""
