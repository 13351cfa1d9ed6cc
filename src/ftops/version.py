"""The version of ftops, in one place: the build reads it from here. Imports nothing."""

__version__ = "0.1.0"
