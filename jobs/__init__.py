"""Where scans run: this process, this machine, a running dask scheduler, or a batch system."""
