"""The simulated market: state paths, the SSVI surface, quotes around it, one session."""
