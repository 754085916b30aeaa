"""Every job that runs beside requests."""
