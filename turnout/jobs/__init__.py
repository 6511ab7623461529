"""What runs on its own: the worker, its sweeps, and the command line."""
