"""Making OCI images of V1 ones inside the storage: a layer becomes a blob where it lies.

What a tag of V1 points to becomes a Docker image (image manifest version 2, schema 2), which all of
today's clients pull. Each step may be repeated, and a run that was cut off goes on where it was:
what was learnt by reading a layer is recorded below ``docker/registry/ours/migration/``. V1's own
data stay as they are, until ``removal`` is asked for.
"""
