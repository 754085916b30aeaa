"""What docker-registry 0.9 left behind: its image store, and its way to OCI."""
