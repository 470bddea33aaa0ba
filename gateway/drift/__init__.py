"""Whether what streams show is still the world that their network was judged in."""
