"""Settings from a file and the environment, as one frozen object."""
