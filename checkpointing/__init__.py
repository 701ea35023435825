"""What a run keeps, and weights by their published names."""
