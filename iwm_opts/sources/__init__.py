"""What `--source` names: the simulated, modelled, recorded and live market, behind one interface."""
