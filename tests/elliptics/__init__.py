"""An Elliptics server for tests, and the recording of a real one that it is held against."""
