"""How much: sizing and margin."""
