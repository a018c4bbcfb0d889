"""The use cases: what a service calls, a module for each subject."""
