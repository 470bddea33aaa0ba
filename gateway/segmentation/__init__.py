"""Video segmented frame by frame: the network's stream, what goes around it, and what is counted of it."""
