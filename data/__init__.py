"""Example inputs, and what makes them."""
