"""Objects in an Elliptics cluster: chunks that never change, and directories that do.

From the bottom: ``client`` speaks with the nodes; ``replicas`` asks all groups; ``register`` is one
small value that many may change; ``directories`` and ``journal`` are made of registers; ``parts``
are the bytes of large objects; ``driver`` puts them together.
"""
