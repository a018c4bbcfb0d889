"""Help for tests: fakes that implement the ports, strategies, and the whole-core histories."""
