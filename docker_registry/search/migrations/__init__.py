"""Steps from one schema of the index to the next, run by ``search/migrate.py``."""
