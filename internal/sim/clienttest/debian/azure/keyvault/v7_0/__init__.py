"""API version 7.0, the one the CLI asks for."""
