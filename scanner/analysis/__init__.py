"""What is done with a cube once it is there. Everything here sees an xarray Dataset and nothing else."""
