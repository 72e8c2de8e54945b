"""Sweeps on a GPU (CUDA): books, one scenario a thread, of which only sums leave the device; docs/gpu.md."""
