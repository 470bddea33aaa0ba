"""Video files read and written frame by frame with PyAV. Knows nothing of HTTP, Triton or jobs."""
