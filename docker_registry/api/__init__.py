"""HTTP and nothing else: parse the request, call the registry, shape the answer."""
